"""Scikit-learn's 569 tumours of 30 real columns, many of them functions of others but for noise.

make train EXP=breast_cancer
"""

from ._tables import of_table


def get_config():
    return of_table("breast_cancer", columns="real", latent_dim=20, num_epochs=200, real="gaussian_output")
