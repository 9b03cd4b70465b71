"""The ELBO on shapes of known factors: what is compared with beta-VAE and beta-TC-VAE.

make train EXP=shapes_elbo

397 s of training on one of two CPU cores and 65 s of evaluation; MIG 0.030, FactorVAE's score 0.657, DCI 0.226, ELBO
-113.84 nats, active units 10 of 10.
"""

from ._shapes import of_shapes


def get_config():
    return of_shapes("elbo")
