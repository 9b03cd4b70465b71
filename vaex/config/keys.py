"""The keys of evaluation, which no step of training has."""

import jax

TEST_KEY = 20131220  # folded into the seed's key: the draws of evaluation, the same at each evaluation of a run


def scoring_keys(key: jax.Array) -> jax.Array:
    """What is drawn when a run is scored: its examples, its scores, its figures, its further reports.

    Args:
        key: the run's, for training.
    """
    return jax.random.split(jax.random.fold_in(key, TEST_KEY), 4)
