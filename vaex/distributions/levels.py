"""Distributions over the 256 grey levels of a pixel, at 0, 1/255, ..., 1."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions import constraints

from vaex.distributions import abilities
from vaex.model import Key, Value

NUM_LEVELS = 256
_TOP = NUM_LEVELS - 1
_LOG_SCALES = (-80.0, 80.0)  # within which a scale and its inverse are numbers of float32


class CategoricalLevels(dist.Distribution):
    """A level with a probability of its own for each.

    log p(x) = log softmax(logits)_{255 x},   255 x rounded; -inf where that is no level

    Args:
        logits: unnormalized log-probabilities, [*batch, 256].
    """

    arg_constraints = {"logits": constraints.real_vector}  # noqa: RUF012
    pytree_data_fields = ("logits",)

    def __init__(self, logits: Float[Array, "... 256"]) -> None:
        self.logits = logits
        super().__init__(logits.shape[:-1], ())

    @property
    def support(self) -> constraints.Constraint:
        return constraints.unit_interval

    def sample(self, key: Key, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        levels = jax.random.categorical(key, self.logits, shape=sample_shape + self.batch_shape)
        return levels / _TOP

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        level = jnp.round(_TOP * jnp.nan_to_num(value, nan=-1.0)).astype(jnp.int32)  # no number is no level
        log_p = jax.nn.log_softmax(self.logits)
        log_p = jnp.broadcast_to(log_p, (*level.shape, NUM_LEVELS))
        log_p = jnp.take_along_axis(log_p, level[..., None], axis=-1, mode="clip")[..., 0]
        return jnp.where((level >= 0) & (level <= _TOP), log_p, -jnp.inf)

    @property
    def mean(self) -> Float[Array, "..."]:
        return jax.nn.softmax(self.logits) @ (jnp.arange(NUM_LEVELS) / _TOP)


class DiscretizedLogistic(dist.Distribution):
    """A logistic variable rounded to the nearest level, all that lies outside [0, 1] to the first and the last.

    P(x) = sigmoid((x + 1/510 - loc) / scale) - sigmoid((x - 1/510 - loc) / scale),   the edges at 0 and 1 open

    Its logarithm is taken of the difference in closed form, log sigmoid(a) + log sigmoid(-b) + log(1 - exp(b - a)), so
    that no level's is infinite; what is no level has probability 0. Scales are within exp(-80) and exp(80).

    Args:
        loc: locations, [*batch], on the scale of x.
        log_scale: logarithms of the scales, [*batch].

    Source: Salimans, Karpathy, Chen and Kingma 2017, section 2.1.
    """

    arg_constraints = {"loc": constraints.real, "log_scale": constraints.real}  # noqa: RUF012
    pytree_data_fields = ("loc", "log_scale")

    def __init__(self, loc: Float[Array, "..."] | float, log_scale: Float[Array, "..."] | float) -> None:
        self.loc, self.log_scale = jnp.asarray(loc), jnp.asarray(log_scale)
        super().__init__(jnp.broadcast_shapes(self.loc.shape, self.log_scale.shape), ())

    @property
    def support(self) -> constraints.Constraint:
        return constraints.unit_interval

    def sample(self, key: Key, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        noise = jax.random.logistic(key, sample_shape + self.batch_shape)
        x = self.loc + jnp.exp(self.log_scale) * noise
        return jnp.round(_TOP * jnp.clip(x, 0, 1)) / _TOP

    @property
    def _inverse_scale(self) -> Float[Array, "..."]:
        return jnp.exp(-jnp.clip(self.log_scale, *_LOG_SCALES))

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        inverse_scale, level = self._inverse_scale, jnp.round(_TOP * value)
        above, below = level < _TOP, level > 0  # whether there are levels on that side
        a = ((level + 0.5) / _TOP - self.loc) * inverse_scale
        b = ((level - 0.5) / _TOP - self.loc) * inverse_scale
        log_not_above = jnp.where(above, jax.nn.log_sigmoid(a), 0.0)
        log_not_below = jnp.where(below, jax.nn.log_sigmoid(-b), 0.0)
        both = jnp.log(-jnp.expm1(-inverse_scale / _TOP))
        log_p = log_not_above + log_not_below + jnp.where(above & below, both, 0.0)
        return jnp.where((level >= 0) & (level <= _TOP), log_p, -jnp.inf)

    @property
    def mean(self) -> Float[Array, "..."]:
        """E[x] = 1/255 sum_{l=1..255} P(255 x >= l), a term at a time, in the memory of one."""
        inverse_scale = self._inverse_scale

        def add(level: Array, total: Array) -> Array:
            return total + jax.nn.sigmoid((self.loc - (level - 0.5) / _TOP) * inverse_scale)

        return jax.lax.fori_loop(1, NUM_LEVELS, add, jnp.zeros(self.batch_shape)) / _TOP


for _levels in (CategoricalLevels, DiscretizedLogistic):  # their support says no more than [0, 1]
    abilities.is_discrete.register(_levels, lambda q: True)
    abilities.has_gradient.register(_levels, lambda q: False)
