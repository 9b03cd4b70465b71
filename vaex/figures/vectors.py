"""Latents that are one vector: where they are so, means of them, and what is decoded of many."""

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from vaex.distributions.supports import nearest
from vaex.evaluate.metrics import latent_means
from vaex.evaluate.trial import Trial
from vaex.model import Latent, split


def vectors(key: PRNGKeyArray, trial: Trial) -> np.ndarray | None:
    """Posterior means, where z is one vector and there is no condition: what follows moves along its axes."""
    if not has_vectors(key, trial):
        return None
    return np.asarray(jax.jit(lambda x: latent_means(key, trial.model, x))(trial.x))


def has_vectors(key: PRNGKeyArray, trial: Trial) -> bool:
    """Whether z is one vector, and there is no condition."""
    if split(trial.x)[1] is not None:
        return False
    z = jax.tree.leaves(jax.eval_shape(trial.model.prior.sample, key))
    return len(z) == 1 and len(z[0].shape) == 1


def decoded(trial: Trial, z: Latent) -> np.ndarray:
    """E[p(x|z)] of many z, or of what p(z) may draw nearest to each."""
    prior, decode = trial.model.prior, trial.model.decode
    return np.asarray(jax.jit(jax.vmap(lambda z: decode(nearest(prior, z)).mean))(z))
