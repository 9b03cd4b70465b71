"""Posteriors and priors by their names in a config."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jax.typing import ArrayLike

from vaex.config.checks import lookup
from vaex.config.likelihoods import Shape, Source
from vaex.distributions import flows
from vaex.errors import UsageError
from vaex.model import Family
from vaex.models import autoencoder, posteriors, priors
from vaex.networks import ACTIVATIONS


class Posterior(NamedTuple):
    """A posterior by its name, from the fields of config.model."""

    family: Callable[[Any], Family]
    raw_shape: Callable[[Any], Shape]  # of the encoder's output
    prior: str = "standard"  # where none is named


Step = Callable[..., flows.Bijection]  # (latent_dim, hidden, activation, *, context_dim, reverse)


def _alternate(c: Any, step: Step, num_flows: int, hidden: Shape, *, context_dim: int) -> flows.Bijection:
    """Steps whose networks see the dimensions in one order and in its reverse by turns."""
    activation = lookup(ACTIVATIONS, c.activation, "model.activation")
    sides = [i % 2 == 1 for i in range(num_flows)]
    return flows.chain(
        [step(c.latent_dim, tuple(hidden), activation, context_dim=context_dim, reverse=reverse) for reverse in sides]
    )


def _of_flow(step: Callable[[Any], Step]) -> Posterior:
    """The posterior of steps that share a context, which follows the mean and log-variance of z_0."""

    def context_dim(c: Any) -> int:
        return c.flow_context or c.latent_dim

    def family(c: Any) -> Family:
        bijection = _alternate(c, step(c), c.num_flows, c.flow_hidden, context_dim=context_dim(c))
        return posteriors.flow(c.latent_dim, bijection)

    return Posterior(family, lambda c: (2 * c.latent_dim + context_dim(c),))


_AFFINE = functools.partial(flows.coupling, elementwise=flows.affine())
POSTERIORS = {
    "diagonal": Posterior(lambda c: posteriors.diagonal_normal(), lambda c: (2 * c.latent_dim,)),
    "full": Posterior(
        lambda c: posteriors.full_normal(c.latent_dim), lambda c: (c.latent_dim * (c.latent_dim + 3) // 2,)
    ),
    "planar": Posterior(
        lambda c: posteriors.flow(c.latent_dim, flows.planar(c.latent_dim, c.num_flows)),
        lambda c: (2 * c.latent_dim + c.num_flows * (2 * c.latent_dim + 1),),
    ),
    "iaf": _of_flow(lambda c: flows.inverse_autoregressive),
    "affine_coupling": _of_flow(lambda c: _AFFINE),
    "spline_coupling": _of_flow(
        lambda c: functools.partial(flows.coupling, elementwise=flows.rational_quadratic(c.num_bins or 8))
    ),
    "one_hot": Posterior(lambda c: posteriors.one_hot(), lambda c: (c.latent_dim, c.num_classes), prior="uniform"),
    "point": Posterior(lambda c: autoencoder.point(), lambda c: (c.latent_dim,), prior="none"),
}
PRIORS: dict[str, Callable[[Any, Source], Family]] = {
    "standard": lambda c, source: priors.standard_normal(c.latent_dim),
    "none": lambda c, source: autoencoder.no_prior(),
    "uniform": lambda c, source: priors.uniform_one_hot(c.latent_dim, c.num_classes),
    "mixture": lambda c, source: priors.normal_mixture(c.latent_dim, c.num_components),
    "vamp": lambda c, source: priors.vamp(_pseudo_inputs(c.num_components, source)),
    "flow": lambda c, source: priors.flow(
        c.latent_dim, _alternate(c, _AFFINE, c.prior_flows, c.prior_hidden, context_dim=0)
    ),
}


def _pseudo_inputs(num_components: int, source: Source) -> ArrayLike:
    if source.images is None:
        return np.zeros((num_components, *source.x_shape), np.float32)
    if num_components > len(source.images):
        raise UsageError(
            f"model.num_components is {num_components}: a VampPrior's pseudo-inputs start from training images, of "
            f"which there are {len(source.images)}; set it to at most that"
        )
    chosen = np.random.default_rng(0).choice(len(source.images), num_components, replace=False)
    return source.images[chosen].astype(np.float32) / 255
