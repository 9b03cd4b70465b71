"""The objective of models without latents: the log-likelihood itself."""

import functools
from typing import NoReturn

import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from vaex.distributions.shapes import log_density
from vaex.errors import UsageError
from vaex.model import Distribution, Example, Model, Observed
from vaex.objectives.terms import Terms


def log_joint(key: PRNGKeyArray, model: Observed | Distribution | Model, x: Example) -> Terms:
    """The log-likelihood of a fully observed example, whose maximum over the parameters is that of maximum likelihood.

    log p(x_1, ..., x_n) = sum_j log p(x_j | parents(x_j))

    Args:
        key: unused, since nothing is drawn.
        model: the distribution of x, such as a graph's Joint, bare or as an Observed.
        x: one example.

    Returns:
        Terms, in nats: the bound is exact, and the KL zero.

    Raises:
        UsageError: a model with latents.

    Source: Kingma and Welling 2019, An Introduction to Variational Autoencoders, the section on learning in fully
    observed models.
    """
    log_px = log_density("p(x)", _distribution(model), x)
    return Terms(log_px, log_px, log_px, jnp.zeros_like(log_px))


@functools.singledispatch
def _distribution(model: Distribution) -> Distribution:
    return model


@_distribution.register(Observed)
def _(model: Observed) -> Distribution:
    return model.distribution


@_distribution.register(Model)
def _(model: Model) -> NoReturn:
    raise UsageError("log_joint needs the distribution of a fully observed x, found a Model with latents: use elbo")
