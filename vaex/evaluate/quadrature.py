"""Log p(x) by quadrature over one or two latents."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.abilities import is_discrete
from vaex.distributions.shapes import log_density, value_shape
from vaex.distributions.supports import sizes
from vaex.errors import UsageError, check_whole
from vaex.losses.arithmetic import logsumexp, where_possible
from vaex.model import Conditional, Distribution, Model

_MARGIN = 0.3  # of the width of a thousand draws, beyond them: a Gaussian's five deviations


def log_marginal(
    key: PRNGKeyArray, model: Model, x: Float[Array, "n ..."], *, num_nodes: int = 10_000, chunk_size: int = 100
) -> Float[Array, " n"]:
    """The log-densities of many examples, by the trapezoidal rule on a grid of z over the draws of the prior.

    log p(x) = log sum_i p(x|z_i) p(z_i) h^d,   h the step of the grid

    Its error vanishes faster than any power of h once p(x|z) p(z) varies smoothly from one z_i to the next; where
    p(z|x) is narrower than h it is off by nats, and evaluate.log_likelihood is not. Where p(z) jumps, as at the edge of
    a uniform or an exponential one, the error is of order h, hundredths of a nat of two latents. What p(z|x) has beyond
    the grid, 0.3 of its width outside of a thousand draws, is left out: tenths of a nat where p(z) has long tails and x
    is far out in them.

    Args:
        key: a PRNG key: a thousand draws from p(z) say how far the grid goes.
        model: a model with one or two latents.
        x: examples, [N, ...].
        num_nodes: about how many z_i there are; all examples share them.
        chunk_size: of these, how many are held at a time.

    Returns:
        Nats, [N].

    Raises:
        OptionError: fewer than 4 nodes, or chunk_size below 1.
        UsageError: z is no vector of one or two real numbers.
    """
    check_whole(4, num_nodes=num_nodes)
    check_whole(chunk_size=chunk_size)
    match model:
        case Conditional():
            raise UsageError("found a Conditional: quadrature is of one condition, model.given(condition), and its x")
    if not has_a_grid(model.prior):
        raise UsageError(
            "quadrature is over a vector of one or two continuous latents: take evaluate.log_likelihood of this model"
        )
    draws = model.prior.sample(key, (1000,))
    low, high = jnp.min(draws, axis=0), jnp.max(draws, axis=0)
    reach, side = _MARGIN * (high - low), round(num_nodes ** (1 / draws.shape[1]))
    axes = jnp.linspace(low - reach, high + reach, side, axis=-1)  # [d, side]
    z = jnp.stack(jnp.meshgrid(*axes), axis=-1).reshape(-1, len(axes))
    # Not the difference of two nodes, of which rounding is a large part.
    log_step = jnp.log((high - low + 2 * reach) / (side - 1)).sum()
    log_weight = jax.vmap(lambda z_i: log_density("p(z)", model.prior, z_i))(z) + log_step

    def term(z_i: Array, log_weight: Array) -> Float[Array, " n"]:
        p = model.decode(z_i)
        return log_weight + where_possible(jax.vmap(lambda one: log_density("p(x|z)", p, one))(x), log_weight)

    def add_chunk(total: Float[Array, " n"], chunk: tuple[Array, Array]) -> tuple[Float[Array, " n"], None]:
        return jnp.logaddexp(total, logsumexp(jax.vmap(term)(*chunk), axis=0)), None

    more = -len(z) % chunk_size  # of no weight
    z, log_weight = jnp.pad(z, ((0, more), (0, 0))), jnp.pad(log_weight, (0, more), constant_values=-jnp.inf)
    chunks = z.reshape(-1, chunk_size, z.shape[1]), log_weight.reshape(-1, chunk_size)
    return jax.lax.scan(add_chunk, jnp.full(len(x), -jnp.inf), chunks)[0]


def has_a_grid(prior: Distribution) -> bool:
    """Whether z is one vector of one or two real numbers, none of which the other tells of."""
    if is_discrete(prior) or value_shape(prior) not in ((1,), (2,)):
        return False
    own, free = sizes(prior)
    return own == free
