"""Variational inference of no family: q as a density on a grid, moved along the functional derivative of the ELBO."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.supports import sizes
from vaex.errors import OptionError, UsageError, check_positive, check_whole
from vaex.inference.method import Method
from vaex.inference.target import check_continuous, target
from vaex.losses.arithmetic import logsumexp, times
from vaex.model import Conditional, Distribution, Example, Model


class Grid(NamedTuple):
    """Points with cells of one size around them, over which integrals are sums."""

    points: Float[Array, "n d"]
    cell: float | Float[Array, ""]  # the volume of each


class State(NamedTuple):
    """Log p(x, z) and log q(z) at each point of the grid, in nats."""

    log_p: Float[Array, " n"]
    log_q: Float[Array, " n"]


class Info(NamedTuple):
    """What the step found before it moved q."""

    elbo: Float[Array, ""]
    derivative: Float[Array, " n"]  # of the ELBO by q at each point: the same at all where q is the posterior


def grid(*, low: float, high: float, num_points: int, num_latents: int = 1) -> Grid:
    """The midpoints of equal cells of [low, high]^d.

    Args:
        low: where it begins in each dimension; the posterior's mass should lie within.
        high: where it ends.
        num_points: in each dimension.
        num_latents: d, 1 or 2.

    Returns:
        num_points^d points, and the volume of a cell.

    Raises:
        OptionError: high not above low, fewer than 2 points, or more than 2 latents.
    """
    check_whole(2, num_points=num_points)
    check_whole(1, 2, num_latents=num_latents)
    if not low < high:
        raise OptionError("high", high, f"a number above low, {low}")
    width = (high - low) / num_points
    line = low + width * jnp.arange(0.5, num_points)
    axes = jnp.meshgrid(*[line] * num_latents, indexing="ij")
    return Grid(jnp.stack([axis.ravel() for axis in axes], axis=-1), width**num_latents)


def free_form(points: Grid, *, step_size: float = 0.1, start: Float[Array, " n"] | None = None) -> Method:
    """The ascent of the ELBO over all densities, along its functional derivative and q's own metric.

    d ELBO / d q(z) = log p(x, z) - log q(z) - 1
    log q(z) <- log q(z) + step_size d ELBO / d q(z) + const,   the constant such that q integrates to 1

    It ends where the derivative is the same everywhere, which is at Bayes' rule, and the ELBO at log p(x) by the same
    sum over the grid. The distance of log q from there falls by the factor 1 - step_size at each step.

    Args:
        points: a grid, as of `grid`, of a model whose z is a vector of one or two numbers.
        step_size: above 0 and at most 1, which is Bayes' rule in one step.
        start: log q at each point but for a constant; unset, the prior's.

    Returns:
        The method, which needs no key.

    Raises:
        OptionError: a step size that is not above 0, or above 1.
        UsageError: discrete latents, latents on a surface, or a conditional model without a condition, in init.

    Source: the Euler-Lagrange equation of the ELBO, Bishop 2006, appendix D; in the metric of Fisher and Rao.
    """
    check_positive(step_size=step_size)
    if step_size > 1:
        raise OptionError("step_size", step_size, "a number above 0 and at most 1")

    def normalized(log_q: Float[Array, " n"]) -> Float[Array, " n"]:
        return log_q - logsumexp(log_q) - jnp.log(points.cell)

    def init(key: PRNGKeyArray | None, model: Model | Conditional, x: Example) -> State:
        p = target(model, x)
        check_continuous(p.prior, "free_form", instead="inference.cavi.discrete")
        _check_volume(p.prior, points)
        log_q = jax.vmap(p.log_prior)(points.points) if start is None else start
        return State(jax.vmap(p.log_joint)(points.points), normalized(log_q))

    def step(key: PRNGKeyArray | None, state: State) -> tuple[State, Info]:
        log_p, log_q = state
        gap = jnp.where(log_p == -jnp.inf, -jnp.inf, log_p - log_q)
        elbo = jnp.sum(times(jnp.exp(log_q), gap)) * points.cell
        # The same as log q + step_size gap, without a difference of infinities where z cannot be.
        moved = times(1 - step_size, log_q) + step_size * log_p
        return State(log_p, normalized(moved)), Info(elbo, gap - 1)

    return Method(init, step)


def _check_volume(prior: Distribution, points: Grid) -> None:
    own, free = sizes(prior)
    if free < max(own, points.points.shape[1]):
        raise UsageError(
            f"{type(prior).__name__}, p(z), lies on a surface between the points of a grid, as a simplex does: use "
            "inference.hmc, or a p(z) of fewer numbers that decode maps there"
        )
