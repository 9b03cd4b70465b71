"""Simulated counts of 40 columns about rates of three factors, which are known: negative binomial likelihoods.

make train EXP=simulated_counts
"""

from ._tables import of_table


def get_config():
    return of_table("simulated_counts", latent_dim=5, num_epochs=60)
