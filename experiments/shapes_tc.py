"""Beta-TC-VAE on shapes of known factors: the total correlation weighted by 6.

make train EXP=shapes_tc
"""

from ._shapes import of_shapes


def get_config():
    return of_shapes("total_correlation", beta=6.0)
