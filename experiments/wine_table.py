"""Scikit-learn's 178 wines of 13 real columns: a table as small as they come.

make train EXP=wine_table
"""

from ._tables import of_table


def get_config():
    return of_table("wine", columns="real", latent_dim=4, hidden=32)
