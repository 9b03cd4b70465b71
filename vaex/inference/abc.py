"""Approximate Bayesian computation: inference with a simulator in the place of a likelihood."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from vaex.errors import UsageError, check_finite, check_whole
from vaex.model import Conditional, Distribution, Example, Latent, Model


class Simulator(NamedTuple):
    """A model whose x can be drawn, and whose likelihood nobody need know."""

    prior: Distribution  # p(z)
    simulate: Callable[[PRNGKeyArray, Latent], Example]  # key, z -> x


class Simulated(NamedTuple):
    """Latents with the distance from x to what each simulates; those within the tolerance are accepted."""

    z: Latent  # [N, ...]
    distance: Float[Array, "*batch n"]
    tolerance: Float[Array, "*batch"]

    @property
    def is_accepted(self) -> Bool[Array, "*batch n"]:
        return self.distance <= self.tolerance[..., None]


def simulator(model: Model | Conditional) -> Simulator:
    """A model's own draws of x given z.

    Raises:
        UsageError: a Conditional model, of which a condition makes one: model.given(condition).
    """
    model = _of_one_condition(model)
    return Simulator(model.prior, lambda key, z: model.decode(z).sample(key))


@functools.singledispatch
def _of_one_condition(model: Model) -> Model:
    return model.given()


@_of_one_condition.register(Conditional)
def _(model: Conditional) -> Model:
    raise UsageError(
        "found a Conditional model for a simulator: expected that of one condition, model.given(condition)"
    )


def euclidean(x: Example, y: Example) -> Float[Array, ""]:
    """The Euclidean distance of two examples, arrays or pytrees of them."""
    one, other = (ravel_pytree(value)[0].astype(jnp.result_type(float)) for value in (x, y))
    squared = jnp.sum((one - other) ** 2)
    is_zero = squared == 0  # where the root has no slope
    return jnp.where(is_zero, 0.0, jnp.sqrt(jnp.where(is_zero, 1.0, squared)))


def rejection(
    key: PRNGKeyArray,
    simulator: Simulator,
    x: Example,
    *,
    tolerance: float | Float[Array, ""],
    num_proposals: int = 10_000,
    distance: Callable[..., Array] = euclidean,
) -> Simulated:
    """Draws from the prior, kept where what they simulate lies near to x.

    z ~ p(z), x' ~ p(x|z), kept if d(x', x) <= tolerance;   those kept have the density p(z) P(d(x', x) <= tolerance|z)

    Args:
        key: a PRNG key.
        simulator: a Simulator; `simulator(model)` of a Model.
        x: one example.
        tolerance: the largest distance; as it falls to 0 the kept draws become draws from p(z|x), and few.
        num_proposals: N.
        distance: (x', x) -> a number, as of summary statistics; where it is nan the simulator has failed, and that
            counts as infinitely far.

    Returns:
        All proposals; `accepted` gives those that are kept.

    Raises:
        OptionError: num_proposals below 1, or a tolerance below 0.

    Source: Pritchard, Seielstad, Perez-Lezaun and Feldman 1999.
    """
    check_whole(num_proposals=num_proposals)
    check_finite(0, tolerance=tolerance)
    z_key, x_key = jax.random.split(key)
    z = simulator.prior.sample(z_key, (num_proposals,))
    found = distances(x_key, simulator, z, x, distance)
    return Simulated(z, found, jnp.asarray(tolerance, found.dtype))


def accepted(simulated: Simulated) -> Latent:
    """The latents within the tolerance, of one example; outside jit, since how many they are is known only then.

    Raises:
        UsageError: there are none.
    """
    chosen = np.flatnonzero(simulated.is_accepted)
    if not chosen.size:
        raise UsageError(
            f"the tolerance is {float(simulated.tolerance):.4g}, and the smallest of {simulated.distance.size} "
            f"distances is {float(jnp.min(simulated.distance)):.4g}: expected some within it; raise it, or draw more"
        )
    return jax.tree.map(lambda leaf: leaf[chosen], simulated.z)


def distances(key: PRNGKeyArray, simulator: Simulator, z: Latent, x: Example, distance: Callable) -> Array:
    """From x to what each of N latents simulates, [N]; inf where that is nan."""
    keys = jax.random.split(key, len(jax.tree.leaves(z)[0]))
    found = jax.vmap(lambda key, z: distance(simulator.simulate(key, z), x))(keys, z)
    return jnp.where(jnp.isnan(found), jnp.inf, found)
