"""Draws from q(z|x), with gradients through them or without, and their weights."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from vaex.distributions.abilities import (
    draw_beside,
    draws_of_components,
    has_gradient,
    is_discrete,
    sample_and_log_prob,
)
from vaex.distributions.shapes import check_number, log_density
from vaex.distributions.supports import moves_its_support
from vaex.errors import UsageError, check_whole
from vaex.model import Distribution, Example, Latent, Model, Weighed
from vaex.objectives.terms import Weights, log_weights


def weigh_draws(key: PRNGKeyArray, model: Model, x: Example, q: Distribution, num_samples: int) -> Weights:
    """K draws from q(z|x) through which gradients flow, weighed.

    Raises:
        OptionError: num_samples below 1.
        UsageError: a q whose draws carry no gradient.
    """
    check_draws(q, num_samples)
    return sample_weights(key, model, x, q, num_samples)


def weigh_frozen_draws(key: PRNGKeyArray, model: Model, x: Example, q: Distribution, num_samples: int) -> Weights:
    """K draws from any q(z|x), discrete or not, through which no gradient flows, weighed.

    Raises:
        OptionError: num_samples below 1.
        UsageError: a q whose support moves.
    """
    check_whole(num_samples=num_samples)
    check_support(q)
    check_key(key)
    return log_weights(model, x, q, jax.lax.stop_gradient(q.sample(key, (num_samples,))))


def sample_weights(key: PRNGKeyArray, model: Model, x: Example, q: Distribution, num_samples: int) -> Weights:
    """K draws from the model's own q(z|x), weighed."""
    check_key(key)
    if (weigh := _in_one_pass(model, q)) is None:
        z, log_qz = sample_and_log_prob(key, q, num_samples)
        return log_weights(model, x, q, z, log_qz=log_qz)

    def one(key: PRNGKeyArray) -> Weights:
        w = weigh(key)
        check_number("p(z)", w.log_pz)
        check_number("q(z|x)", w.log_qz)
        return Weights(log_density("p(x|z)", w.likelihood, x), w.log_pz, w.log_qz, kls=w.kls)

    return jax.vmap(one)(jax.random.split(key, num_samples))


def _in_one_pass(model: Model, q: Distribution) -> Callable[[PRNGKeyArray], Weighed] | None:
    if (own := model.weigh) is not None:
        return lambda key: Weighed(*own(key, q))
    beside = draw_beside(q, model.prior)
    return None if beside is None else lambda key: beside(key, model.decode)


def draw(key: PRNGKeyArray, q: Distribution, num_samples: int) -> Latent:
    """K draws from q(z|x) through which gradients flow, on a leading axis.

    Raises:
        OptionError: num_samples below 1.
        UsageError: a q whose draws carry no gradient.
    """
    check_draws(q, num_samples)
    check_key(key)
    return q.sample(key, (num_samples,))


def frozen(q: Distribution) -> Distribution:
    """q with parameters through which no gradient flows.

    Raises:
        UsageError: it is no pytree.
    """
    return jax.lax.stop_gradient(as_pytree(q))


def as_pytree(q: Distribution) -> Distribution:
    """q, of whose parameters jax knows.

    Raises:
        UsageError: it is no pytree, so that nobody knows what its parameters are.
    """
    if jax.tree_util.all_leaves([q]):
        cure = "jax.tree_util.register_pytree_node_class makes it one, or use another objective"
        raise UsageError(f"{type(q).__name__} is no pytree of arrays, as a q is that is frozen or batched: {cure}")
    return q


def check_support(q: Distribution) -> None:
    """The score of q has mean zero, as an estimator takes it to have.

    Raises:
        UsageError: the support of q moves with its parameters.
    """
    if moves_its_support(q):
        raise UsageError(
            f"{type(q).__name__} has a support that moves with its parameters, and this objective would be biased: use "
            "elbo or iwae, or another posterior"
        )


def check_key(key: PRNGKeyArray) -> None:
    """Raise a UsageError for what is not one PRNG key."""
    match key:
        case object(dtype=dtype, shape=shape):
            is_new = jnp.issubdtype(dtype, jax.dtypes.prng_key)
            if (is_new and shape == ()) or (dtype == jnp.uint32 and len(shape) == 1):
                return
            found = f"of type {dtype} and shape {shape}"
        case _:
            found = f"of type {type(key).__name__}"
    raise UsageError(f"found a key {found}: expected one PRNG key, as jax.random.key(0); jax.vmap takes several")


def check_draws(q: Distribution, num_samples: int) -> None:
    """Gradients flow through K draws.

    Raises:
        OptionError: num_samples below 1.
        UsageError: through draws of this q they do not.
    """
    check_whole(num_samples=num_samples)
    if has_gradient(q):
        return
    name = type(q).__name__
    if is_discrete(q):
        raise UsageError(
            f"{name} is discrete, so its draws carry no gradient: use the objective reinforce, vimco or "
            "enumerate, or gumbel of one-hot latents"
        )
    if draws_of_components(q) is not None:
        raise UsageError(
            f"{name} is a mixture, whose draws carry no gradient to its weights: use the objective elbo, stl or iwae, "
            "which draw from every component, or another posterior"
        )
    raise UsageError(
        f"{name} has draws that carry no gradient to all of its parameters: use the objective reinforce, vimco or "
        "tvo, or another posterior"
    )
