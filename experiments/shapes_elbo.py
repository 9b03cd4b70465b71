"""The ELBO on shapes of known factors: what is compared with beta-VAE and beta-TC-VAE.

make train EXP=shapes_elbo
"""

from ._shapes import of_shapes


def get_config():
    return of_shapes("elbo")
