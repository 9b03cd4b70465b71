"""Bernoulli variables with a faster log-probability than numpyro's."""

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from vaex.losses.arithmetic import all_in_unit_interval, at_least_float32, flattened
from vaex.losses.discrete import binary_cross_entropy
from vaex.model import Value


class GreyBernoulli(dist.BernoulliLogits):
    """A Bernoulli variable whose values between 0 and 1 have their cross-entropy, and those outside no probability."""

    def __init__(self, logits: Float[Array, "..."]) -> None:
        super().__init__(logits, validate_args=False)  # numpyro's check would make grey ones -inf

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        return jnp.where((value >= 0) & (value <= 1), super().log_prob(value), -jnp.inf)


class IndependentBernoulli(dist.Independent):
    """Independent Bernoulli variables as one event, with one logarithm for every 16 of them.

    log p(x) = sum_j x_j logits_j - softplus(logits_j)

    The same distribution as `BernoulliLogits(logits).to_event(event_dim)`, with a faster `log_prob`: the softplus of
    that one takes longer than the matrix products when images are evaluated. Values between 0 and 1 have their
    cross-entropy, those outside no probability.

    Args:
        logits: log-odds of a one, [*batch, *event].
        event_dim: how many trailing axes make one event.
    """

    def __init__(self, logits: Float[Array, "..."], event_dim: int) -> None:
        super().__init__(GreyBernoulli(logits), event_dim)  # which has the log-probability where some are masked

    def log_prob(self, value: Value, intermediates: list | None = None) -> Float[Array, "..."]:
        logits = self.base_dist.logits  # pyright: ignore[reportAttributeAccessIssue]
        flat = [flattened(a, self.reinterpreted_batch_ndims) for a in (logits, value)]
        batch = jnp.broadcast_shapes(*(a.shape[:-1] for a in flat))  # as numpyro's do; the loss stretches no axis
        logits, x = (jnp.broadcast_to(a, (*batch, a.shape[-1])) for a in flat)
        logits = at_least_float32(logits)
        found = -binary_cross_entropy(logits, jnp.asarray(x, logits.dtype))
        return jnp.where(all_in_unit_interval(flat[1]), found, -jnp.inf)
