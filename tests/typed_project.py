# pyright: standard, reportArgumentType=true, reportAttributeAccessIssue=true, reportCallIssue=true, reportUnnecessaryTypeIgnoreComment=true
"""Another project's code, which `make lint` checks: what vaex is typed as. It is no test, and nothing runs it."""

from typing import assert_type

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array

import vaex
from vaex import Model, Terms, losses, objectives


def model() -> Model:
    prior = dist.Normal(jnp.zeros(2), 1.0).to_event(1)
    return Model(prior=prior, encode=lambda x: prior, decode=lambda z: prior)


def objective(key: Array, x: Array) -> Array:
    terms = objectives.iwae(key, model(), x, num_samples=5)
    assert_type(terms, Terms)
    return terms.objective


def loss(mean: Array, log_var: Array) -> Array:
    z = losses.reparameterize(jax.random.key(0), mean, log_var)
    return losses.negative_elbo(losses.gaussian_nll(z, mean, log_var=0.0), losses.kl_standard_normal(mean, log_var))


def of_numpy(logits: Array, levels: np.ndarray) -> Array:
    return losses.bernoulli_nll(logits, levels / 255, event_ndims=3)


def refused(key: Array, x: Array) -> None:
    objectives.iwae(key, model(), x, samples=5)  # pyright: ignore[reportCallIssue]
    assert_type(vaex.__version__, str)
