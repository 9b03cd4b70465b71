"""How good a gradient estimator is: mean, variance, signal-to-noise ratio, bias and time, in one call."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.errors import check_whole
from vaex.model import Example, Model, Params
from vaex.objectives import Objective


class GradientMoments(NamedTuple):
    """Of each component of a gradient over keys; or, for a group of parameters, averaged over its components."""

    mean: Params
    variance: Params
    snr: Params  # |mean| / standard deviation
    bias: Params  # mean - exact, None where no exact gradient is given


class GradientStatistics(NamedTuple):
    """What an estimator's gradient is like."""

    leaves: GradientMoments  # each a pytree like params
    # Each a number, averaged over the group's components, or None for a group without parameters; bias is the root
    # mean square.
    generator: GradientMoments
    recognition: GradientMoments
    seconds: float  # for one gradient, compiled


def gradient_statistics(
    key: PRNGKeyArray,
    objective: Objective,
    params: Params,
    bind: Callable[[Params], Model],
    x: Example,
    *,
    num_keys: int,
    exact: Params | None = None,
    recognition: Sequence[tuple[str, ...]] = (("encoder",), ("posterior",)),
) -> GradientStatistics:
    """Statistics over keys of the gradient of an objective, in one jit and in memory that does not grow with num_keys.

    snr = |E[g]| / sd[g] for each component; over a group, the mean of its components'

    Args:
        key: a PRNG key.
        objective: (key, model, x) -> Terms.
        params: nested dicts of parts.
        bind: params -> Model.
        x: one example.
        num_keys: independent gradients, at least 2.
        exact: the exact gradient, for the bias.
        recognition: where params hold the recognition model's, as a Description says; all others are the generator's.

    Returns:
        GradientStatistics.

    Raises:
        OptionError: num_keys below 2.

    Source: the signal-to-noise ratio as in Rainforth et al. 2018, section 3.
    """
    check_whole(2, num_keys=num_keys)

    def gradient(params: Params, k: PRNGKeyArray) -> Params:
        return jax.grad(lambda p: objective(k, bind(p), x).objective)(params)

    @jax.jit
    def moments(params: Params, key: PRNGKeyArray) -> tuple[Params, Params]:
        def add(carry: tuple[Params, Params], i: Array) -> tuple[tuple[Params, Params], None]:
            """Welford's update, which keeps its digits where the mean is large beside the deviation."""
            mean, square = carry
            g = gradient(params, jax.random.fold_in(key, i))
            new = jax.tree.map(lambda m, v: m + (v - m) / (i + 1), mean, g)
            square = jax.tree.map(lambda s, v, m, n: s + (v - m) * (v - n), square, g, mean, new)
            return (new, square), None

        zero = jax.tree.map(jnp.zeros_like, params)
        (mean, square), _ = jax.lax.scan(add, (zero, zero), jnp.arange(num_keys))
        return mean, jax.tree.map(lambda s: s / (num_keys - 1), square)

    compiled = moments.lower(params, key).compile()
    start = time.perf_counter()
    mean, variance = jax.block_until_ready(compiled(params, key))
    seconds = (time.perf_counter() - start) / num_keys
    snr = jax.tree.map(_snr, mean, variance)
    bias = None if exact is None else jax.tree.map(jnp.subtract, mean, exact)
    leaves = GradientMoments(mean, variance, snr, bias)
    return GradientStatistics(
        leaves=leaves,
        generator=_average(leaves, recognition, within=False),
        recognition=_average(leaves, recognition, within=True),
        seconds=seconds,
    )


def _snr(mean: Array, variance: Array) -> Array:
    """Infinite for a gradient without noise, and zero for one that is always zero."""
    return jnp.where(variance > 0, jnp.abs(mean) / jnp.sqrt(variance), jnp.where(mean == 0, 0.0, jnp.inf))


def _average(leaves: GradientMoments, paths: Sequence[tuple[str, ...]], *, within: bool) -> GradientMoments:
    """Over the components below some paths, or over all others."""

    def chosen(tree: Params) -> list[Array]:
        found, _ = jax.tree_util.tree_flatten_with_path(tree)
        names = [(tuple(getattr(key, "key", None) for key in path), leaf) for path, leaf in found]
        return [leaf for path, leaf in names if any(path[: len(one)] == one for one in paths) == within]

    def components(tree: Params) -> Float[Array, " n"]:
        return jnp.concatenate([jnp.ravel(leaf) for leaf in chosen(tree)])

    if not chosen(leaves.mean):
        return GradientMoments(None, None, None, None)

    mean, variance, snr = (jnp.mean(components(tree)) for tree in (leaves.mean, leaves.variance, leaves.snr))
    bias = None if leaves.bias is None else jnp.sqrt(jnp.mean(components(leaves.bias) ** 2))
    return GradientMoments(mean, variance, snr, bias)
