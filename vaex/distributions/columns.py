"""The product of distributions of several types, each over some of the columns of a row."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.typing import ArrayLike
from jaxtyping import Array, Float
from numpyro.distributions import constraints

from vaex.distributions import abilities
from vaex.model import Key, Value


class _Row(constraints.Constraint):
    """What every column may have: a one."""

    event_dim = 0
    is_discrete = False

    def __call__(self, x: Value) -> Array:
        return jnp.ones(jnp.shape(x), bool)

    def feasible_like(self, prototype: Value) -> Array:
        return jnp.ones_like(prototype)


class Columns(dist.Distribution):
    """Independent columns of several types, [D]; make one event of them by to_event(1).

    log p(x_j) by the distribution that column j belongs to; classes are whole numbers from 0

    Args:
        parts: distributions with batch shapes [n_1], [n_2], ...
        places: where their columns are in a row: each of 0 to D - 1 in one of them.

    Source: Nazabal, Olmos, Ghahramani and Valera 2020, section 3.
    """

    arg_constraints = {}  # noqa: RUF012
    pytree_data_fields = ("parts",)
    pytree_aux_fields = ("places",)

    def __init__(self, parts: tuple[dist.Distribution, ...], places: tuple[tuple[int, ...], ...]) -> None:
        self.parts, self.places = parts, places
        super().__init__((sum(map(len, places)),), ())

    @property
    def support(self) -> constraints.Constraint:
        return _Row()

    def sample(self, key: Key, sample_shape: tuple[int, ...] = ()) -> Float[Array, "... d"]:
        keys = jax.random.split(key, len(self.parts))
        return self._together([p.sample(k, sample_shape) for p, k in zip(self.parts, keys, strict=True)])

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "... d"]:
        own = [jnp.asarray(value)[..., np.array(place)] for place in self.places]
        return self._together([_log_prob(p, x) for p, x in zip(self.parts, own, strict=True)])

    @property
    def mean(self) -> Float[Array, " d"]:
        """E[x], and of classes the most probable."""
        return self.of_average(self.average)

    @property
    def average(self) -> list[Array]:
        """What may be averaged over several of these: means, and the probabilities of classes."""
        return [p.probs if is_class(p) else p.mean for p in self.parts]  # pyright: ignore[reportAttributeAccessIssue]

    def of_average(self, average: list[Array]) -> Float[Array, " d"]:
        """The row of such an average."""
        own = [jnp.argmax(a, axis=-1) if is_class(p) else a for p, a in zip(self.parts, average, strict=True)]
        return self._together(own)

    def _together(self, parts: Sequence[ArrayLike]) -> Float[Array, "... d"]:
        order = np.argsort(np.concatenate([np.array(place) for place in self.places]))
        return jnp.concatenate([jnp.asarray(part, jnp.result_type(float)) for part in parts], axis=-1)[..., order]


def _log_prob(p: dist.Distribution, x: Array) -> ArrayLike:
    """Of a class by its index: what is no whole number is no class."""
    if not is_class(p):
        return p.log_prob(x)
    return jnp.where(x == jnp.round(x), p.log_prob(jnp.nan_to_num(x).astype(jnp.int32)), -jnp.inf)


def is_class(p: dist.Distribution) -> bool:
    """Whether a distribution is over the classes of a category."""
    return type(p) is dist.CategoricalLogits


abilities.is_discrete.register(Columns, lambda q: any(map(abilities.is_discrete, q.parts)))
abilities.has_gradient.register(Columns, lambda q: all(map(abilities.has_gradient, q.parts)))
abilities.average.register(Columns, lambda q: (q.average, q.of_average))
