"""The distributions that numpyro.distributions lacks, or has only slower."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Num
from numpyro.distributions import constraints, kl_divergence

from vaex.errors import UsageError
from vaex.losses import bernoulli_nll

_MOST_STATES = 10_000


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


class _OneHot(constraints.Constraint):
    is_discrete = True
    event_dim = 1

    def __call__(self, x: Any) -> Any:
        return ((x == 0) | (x == 1)).all(axis=-1) & (x.sum(axis=-1) == 1)

    def feasible_like(self, prototype: Any) -> Array:
        return jnp.zeros_like(prototype).at[..., 0].set(1)

    def tree_flatten(self) -> Any:
        return (), ((), {})


class OneHotCategorical(dist.Distribution):
    """A categorical variable as a vector with one 1.

    log p(x) = sum_c x_c log softmax(logits)_c

    Args:
        logits: unnormalized log-probabilities, [*batch, classes].
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

    def log_prob(self, value: Any, intermediates: Any = None) -> Float[Array, "..."]:
        return jnp.sum(value * jax.nn.log_softmax(self.logits), axis=-1)

    def enumerate_support(self, expand: bool = True) -> Float[Array, "classes ..."]:
        classes = self.logits.shape[-1]
        values = jnp.eye(classes).reshape(classes, *(1,) * len(self.batch_shape), classes)
        return jnp.broadcast_to(values, (classes, *self.logits.shape)) if expand else values

    @property
    def mean(self) -> Float[Array, "... classes"]:
        return jax.nn.softmax(self.logits)


class DiagonalNormalMixture(NamedTuple):
    """A mixture of K normal distributions with diagonal covariance.

    log p(z) = log sum_k w_k N(z; mean_k, diag(exp(log_var_k)))

    The K quadratic forms are expanded into matrix products, which for hundreds of components is ten times faster than
    numpyro's MixtureSameFamily; (z - mean)^2 / var loses digits so, about 1e-7 of z^2 / var.
    """

    logits: Float[Array, " k"]  # unnormalized log w
    mean_of_components: Float[Array, "k d"]
    log_var: Float[Array, "k d"]

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Float[Array, "*sample d"]:
        which, noise = jax.random.split(key)
        k = jax.random.categorical(which, self.logits, shape=sample_shape)
        mean, log_var = self.mean_of_components[k], self.log_var[k]
        return mean + jnp.exp(0.5 * log_var) * jax.random.normal(noise, mean.shape)

    def log_prob(self, value: Float[Array, " d"]) -> Float[Array, ""]:
        return jax.nn.logsumexp(self.component_log_probs(value))

    def component_log_probs(self, value: Float[Array, " d"]) -> Float[Array, " k"]:
        """Log w_k N(value; mean_k, diag(exp(log_var_k))) for each k, in nats, named as in numpyro's mixtures."""
        precision, mean = jnp.exp(-self.log_var), self.mean_of_components
        full = functools.partial(jnp.matmul, precision="highest")  # low precision would leave nothing of the difference
        squares = full(precision, value**2) - 2 * full(precision * mean, value) + jnp.sum(precision * mean**2, axis=-1)
        log_probs = -0.5 * (squares + jnp.sum(self.log_var, axis=-1) + value.size * math.log(2 * math.pi))
        return jax.nn.log_softmax(self.logits) + log_probs


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

    def component_log_probs(self, value: Any) -> Float[Array, " k"]:
        """Log 1/K p_k(z) for each k, named as in numpyro's mixtures."""
        return jax.vmap(lambda p: p.log_prob(value))(self.components) - jnp.log(self.num_components)

    def log_prob(self, value: Any) -> Float[Array, ""]:
        return jax.nn.logsumexp(self.component_log_probs(value))


@kl_divergence.register(OneHotCategorical, OneHotCategorical)  # pyright: ignore[reportFunctionMemberAccess]
def _kl_one_hot(p: OneHotCategorical, q: OneHotCategorical) -> Float[Array, "..."]:
    log_p, log_q = jax.nn.log_softmax(p.logits), jax.nn.log_softmax(q.logits)
    return jnp.sum(jnp.exp(log_p) * (log_p - log_q), axis=-1)


@kl_divergence.register(dist.MultivariateNormal, dist.Independent)  # pyright: ignore[reportFunctionMemberAccess]
def _kl_full_diagonal(p: Any, q: Any) -> Float[Array, "..."]:
    if not isinstance(q.base_dist, dist.Normal) or q.reinterpreted_batch_ndims != 1:
        raise NotImplementedError
    mean: Any = q.base_dist.loc
    scale: Any = q.base_dist.scale
    log_ratio = jnp.log(jnp.diagonal(p.scale_tril, axis1=-2, axis2=-1)) - jnp.log(scale)
    square = ((p.loc - mean) / scale) ** 2 + jnp.sum((p.scale_tril / scale[..., None]) ** 2, axis=-1)
    return jnp.sum(0.5 * (square - 1) - log_ratio, axis=-1)


def all_states(q: Any) -> Any:
    """All values of a discrete variable, or of a vector of independent ones: [S, ...].

    Raises:
        UsageError: not discrete, or more than 10,000 states.
    """
    base: Any = getattr(q, "base_dist", None)
    if base is None and getattr(q, "has_enumerate_support", False):
        return q.enumerate_support()
    if base is None or not base.has_enumerate_support or q.reinterpreted_batch_ndims != 1:
        raise UsageError(
            f"{type(q).__name__} cannot be enumerated: use reinforce or vimco, or elbo if it is continuous"
        )
    values = base.enumerate_support(expand=False)[:, 0]
    check_num_states(len(values) ** base.batch_shape[0])
    grids = jnp.meshgrid(*[jnp.arange(len(values))] * base.batch_shape[0], indexing="ij")
    return values[jnp.stack([g.ravel() for g in grids], axis=-1)]


def check_num_states(num_states: int) -> None:
    """Raise a UsageError for more states than can be summed over."""
    if num_states > _MOST_STATES:
        raise UsageError(f"z has {num_states:,} states: expected at most {_MOST_STATES:,}; use reinforce or vimco")
