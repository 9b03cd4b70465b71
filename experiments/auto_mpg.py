"""The 392 cars that come with mlxtend: a mixed table of real, ordered and categorical columns.

make train EXP=auto_mpg
"""

from ._tables import of_table


def get_config():
    return of_table("auto_mpg", columns="cylinders=ordinal,model_year=ordinal", latent_dim=5)
