"""The distributions that numpyro.distributions lacks, or has only slower."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Num
from numpyro.distributions import constraints, kl_divergence

from vaex.losses import bernoulli_nll


class IndependentBernoulli(dist.Independent):
    """Independent Bernoulli variables as one event, with one logarithm for every 16 of them.

    log p(x) = sum_j x_j logits_j - softplus(logits_j)

    The same distribution as `BernoulliLogits(logits).to_event(event_dim)`, with a faster `log_prob`: the softplus of
    that one takes longer than the matrix products when images are evaluated.

    Args:
        logits: log-odds of a one, [*batch, *event].
        event_dim: how many trailing axes make one event.
    """

    def __init__(self, logits: Float[Array, "..."], event_dim: int) -> None:
        super().__init__(dist.BernoulliLogits(logits), event_dim)

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        logits = self.base_dist.logits  # pyright: ignore[reportAttributeAccessIssue]
        return -bernoulli_nll(self._flatten_event(logits), self._flatten_event(value))

    def _flatten_event(self, array: Num[Array, "..."]) -> Num[Array, "... d"]:
        batch_dim = array.ndim - self.reinterpreted_batch_ndims
        return array.reshape(*array.shape[:batch_dim], math.prod(array.shape[batch_dim:]))


class OneHotCategorical(dist.Distribution):
    """A categorical variable as a vector with one 1.

    log p(x) = sum_c x_c log softmax(logits)_c

    Args:
        logits: unnormalized log-probabilities, [*batch, classes].
    """

    arg_constraints = {"logits": constraints.real_vector}  # noqa: RUF012
    support = constraints.independent(constraints.boolean, 1)  # pyright: ignore
    has_enumerate_support = True
    pytree_data_fields = ("logits",)

    def __init__(self, logits: Float[Array, "... classes"]) -> None:
        self.logits = logits
        super().__init__(logits.shape[:-1], logits.shape[-1:])

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Float[Array, "... classes"]:
        classes = jax.random.categorical(key, self.logits, shape=sample_shape + self.batch_shape)
        return jax.nn.one_hot(classes, self.logits.shape[-1], dtype=self.logits.dtype)

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        return jnp.sum(value * jax.nn.log_softmax(self.logits), axis=-1)

    def enumerate_support(self, expand: bool = True) -> Float[Array, "classes ..."]:
        classes = self.logits.shape[-1]
        values = jnp.eye(classes).reshape(classes, *(1,) * len(self.batch_shape), classes)
        return jnp.broadcast_to(values, (classes, *self.logits.shape)) if expand else values

    @property
    def mean(self) -> Float[Array, "... classes"]:
        return jax.nn.softmax(self.logits)


class UniformMixture(NamedTuple):
    """K distributions of one kind in equal parts.

    log p(z) = log 1/K sum_k p_k(z)

    Numpyro's MixtureSameFamily wants the K as one distribution's batch; here they are whatever jax.vmap made of them.
    """

    components: Any  # a distribution whose arrays have a leading axis of K

    @property
    def num_components(self) -> int:
        """K."""
        return jax.tree.leaves(self.components)[0].shape[0]

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        def one(key: Any) -> Any:
            which, noise = jax.random.split(key)
            k = jax.random.randint(which, (), 0, self.num_components)
            return jax.tree.map(lambda a: a[k], self.components).sample(noise)

        z = jax.vmap(one)(jax.random.split(key, math.prod(sample_shape)))
        return jax.tree.map(lambda a: a.reshape(*sample_shape, *a.shape[1:]), z)

    def log_prob(self, value: Any) -> Float[Array, ""]:
        log_probs = jax.vmap(lambda p: p.log_prob(value))(self.components)
        return jax.nn.logsumexp(log_probs) - jnp.log(self.num_components)


@kl_divergence.register(OneHotCategorical, OneHotCategorical)  # pyright: ignore[reportFunctionMemberAccess]
def _kl_one_hot(p: OneHotCategorical, q: OneHotCategorical) -> Float[Array, "..."]:
    log_p, log_q = jax.nn.log_softmax(p.logits), jax.nn.log_softmax(q.logits)
    return jnp.sum(jnp.exp(log_p) * (log_p - log_q), axis=-1)
