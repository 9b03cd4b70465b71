"""Categorical variables as vectors with one 1."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions import constraints, kl_divergence

from vaex.arithmetic import times
from vaex.model import Distribution, Example, Value


class _OneHot(constraints.Constraint):
    is_discrete = True
    event_dim = 1

    def __call__(self, x: Example) -> Any:
        return ((x == 0) | (x == 1)).all(axis=-1) & (x.sum(axis=-1) == 1)

    def feasible_like(self, prototype: Any) -> Array:
        return jnp.zeros_like(prototype).at[..., 0].set(1)

    def tree_flatten(self) -> Any:
        return (), ((), {})


class OneHotCategorical(dist.Distribution):
    """A categorical variable as a vector with one 1.

    log p(x) = sum_c x_c log softmax(logits)_c

    Args:
        logits: unnormalized log-probabilities, [*batch, classes]; -inf rules a class out.
    """

    arg_constraints = {"logits": constraints.real_vector}  # noqa: RUF012
    support = _OneHot()  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    has_enumerate_support = True
    pytree_data_fields = ("logits",)

    def __init__(self, logits: Float[Array, "... classes"]) -> None:
        self.logits = logits
        super().__init__(logits.shape[:-1], logits.shape[-1:])

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Float[Array, "... classes"]:
        classes = jax.random.categorical(key, self.logits, shape=sample_shape + self.batch_shape)
        return jax.nn.one_hot(classes, self.logits.shape[-1], dtype=self.logits.dtype)

    def log_prob(self, value: Value, intermediates: Any = None) -> Float[Array, "..."]:
        return jnp.sum(times(value, jax.nn.log_softmax(self.logits)), axis=-1)

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


@kl_divergence.register(OneHotCategorical, OneHotCategorical)  # pyright: ignore[reportFunctionMemberAccess]
def _kl_one_hot(p: OneHotCategorical, q: OneHotCategorical) -> Float[Array, "..."]:
    log_p, log_q = jax.nn.log_softmax(p.logits), jax.nn.log_softmax(q.logits)
    return jnp.sum(times(jnp.exp(log_p), log_p - log_q), axis=-1)


@functools.singledispatch
def one_hot_logits(q: Distribution) -> Float[Array, "*batch classes"] | None:
    """The logits of a one-hot vector, or of several independent ones; None of another distribution."""
    return None


one_hot_logits.register(OneHotCategorical, lambda q: q.logits)
one_hot_logits.register(dist.Independent, lambda q: one_hot_logits(q.base_dist))
