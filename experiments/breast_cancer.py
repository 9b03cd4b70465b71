"""Scikit-learn's 569 tumours of 30 real columns, many of them functions of others but for noise.

make train EXP=breast_cancer

10 s of training on cpu and 20 s of evaluation; L_1000 = 37.29 nats, ELBO 30.29 nats, active units 19 of 20.
"""

from ._tables import of_table


def get_config():
    return of_table("breast_cancer", columns="real", latent_dim=20, num_epochs=200, real="gaussian_output")
