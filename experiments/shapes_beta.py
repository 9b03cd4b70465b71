"""Beta-VAE with beta = 4 on shapes of known factors.

make train EXP=shapes_beta
"""

from ._shapes import of_shapes


def get_config():
    return of_shapes("elbo", beta=4.0)
