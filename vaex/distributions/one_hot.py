"""Categorical variables as vectors with one 1."""

import functools

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.typing import ArrayLike
from jaxtyping import Array, Float
from numpyro.distributions import biject_to, constraints
from numpyro.distributions.transforms import IdentityTransform, Transform

from vaex.distributions.divergences import kl_between
from vaex.losses.arithmetic import times
from vaex.model import Distribution, Key, Value


class _OneHot(constraints.Constraint):
    is_discrete = True
    event_dim = 1

    def __call__(self, x: Value) -> ArrayLike:
        return ((x == 0) | (x == 1)).all(axis=-1) & (x.sum(axis=-1) == 1)

    def feasible_like(self, prototype: Value) -> Array:
        return jnp.zeros_like(prototype).at[..., 0].set(1)

    def tree_flatten(self) -> tuple[tuple, tuple]:
        return (), ((), {})


class _Logits(constraints.Constraint):
    event_dim = 1

    def __call__(self, x: Value) -> ArrayLike:
        return (x < jnp.inf).all(axis=-1) & (x > -jnp.inf).any(axis=-1)  # nan is neither

    def feasible_like(self, prototype: Value) -> Array:
        return jnp.zeros_like(prototype)

    def tree_flatten(self) -> tuple[tuple, tuple]:
        return (), ((), {})


class OneHotCategorical(dist.Distribution):
    """A categorical variable as a vector with one 1.

    log p(x) = sum_c x_c log softmax(logits)_c

    Args:
        logits: unnormalized log-probabilities, [*batch, classes]; -inf rules a class out.
    """

    arg_constraints = {"logits": _Logits()}  # noqa: RUF012
    has_enumerate_support = True
    pytree_data_fields = ("logits",)

    def __init__(self, logits: Float[Array, "... classes"]) -> None:
        self.logits = logits
        super().__init__(logits.shape[:-1], logits.shape[-1:])

    @property
    def support(self) -> constraints.Constraint:
        return _OneHot()

    def sample(self, key: Key, sample_shape: tuple[int, ...] = ()) -> Float[Array, "... classes"]:
        classes = jax.random.categorical(key, self.logits, shape=sample_shape + self.batch_shape)
        return jax.nn.one_hot(classes, self.logits.shape[-1], dtype=self.logits.dtype)

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        found = jnp.sum(times(value, jax.nn.log_softmax(self.logits)), axis=-1)
        return jnp.where(_OneHot()(jnp.asarray(value)), found, -jnp.inf)

    def enumerate_support(self, expand: bool = True) -> Float[Array, "classes ..."]:
        classes = self.logits.shape[-1]
        values = jnp.eye(classes).reshape(classes, *(1,) * len(self.batch_shape), classes)
        return jnp.broadcast_to(values, (classes, *self.logits.shape)) if expand else values

    @property
    def mean(self) -> Float[Array, "... classes"]:
        return jax.nn.softmax(self.logits)

    @property
    def variance(self) -> Float[Array, "... classes"]:
        return self.mean * (1 - self.mean)


@biject_to.register(_Logits)
def _(constraint: _Logits) -> Transform:
    return IdentityTransform()


@kl_between(OneHotCategorical, OneHotCategorical)
def _kl_one_hot(p: OneHotCategorical, q: OneHotCategorical) -> Float[Array, "..."]:
    log_p, log_q = jax.nn.log_softmax(p.logits), jax.nn.log_softmax(q.logits)
    return jnp.sum(times(jnp.exp(log_p), log_p - log_q), axis=-1)


@functools.singledispatch
def one_hot_logits(q: Distribution) -> Float[Array, "*batch classes"] | None:
    """The logits of a one-hot vector, or of several independent ones; None of another distribution."""
    return None


one_hot_logits.register(OneHotCategorical, lambda q: q.logits)
one_hot_logits.register(dist.Independent, lambda q: one_hot_logits(q.base_dist))
