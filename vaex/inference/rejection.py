"""Rejection sampling: exact draws from p(z|x), where a bound on the weights is known."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from vaex.errors import UsageError, check_whole
from vaex.inference.importance import importance
from vaex.model import AnyModel, Distribution, Example, Latent


class Proposals(NamedTuple):
    """K proposals, of which some are accepted: those are draws from p(z|x), if no weight exceeds the bound."""

    z: Latent  # [K, ...]
    is_accepted: Bool[Array, "*batch k"]
    largest: Float[Array, "*batch"]  # log-weight, in nats
    log_bound: Float[Array, "*batch"]

    @property
    def acceptance_rate(self) -> Float[Array, "*batch"]:
        """The share of proposals that are accepted, whose expectation is p(x) / M."""
        return jnp.mean(self.is_accepted, axis=-1)

    @property
    def is_bound(self) -> Bool[Array, "*batch"]:
        """Whether no weight exceeds M, but for rounding."""
        return self.largest <= self.log_bound + 1e-5 * jnp.maximum(jnp.abs(self.log_bound), 1)

    @property
    def log_likelihood(self) -> Float[Array, "*batch"]:
        """The estimate of log p(x), log M + log of the acceptance rate: -inf if none is, nan if a weight exceeds M."""
        return jnp.where(self.is_bound, self.log_bound + jnp.log(self.acceptance_rate), jnp.nan)


def rejection(
    key: PRNGKeyArray,
    model: AnyModel,
    x: Example,
    *,
    log_bound: float | Float[Array, ""],
    num_proposals: int = 1000,
    proposal: Distribution | None = None,
) -> Proposals:
    """Proposals from q(z|x), each accepted with probability w / M, which makes it a draw from p(z|x).

    accept z ~ q(z|x) if u < w(z) / M,   w(z) = p(x, z) / q(z|x) <= M for all z,   P(accept) = p(x) / M

    Args:
        key: a PRNG key.
        model: a model; discrete latents too.
        x: one example; for a Conditional model a Given.
        log_bound: log M, in nats. With proposal=model.prior it is the largest log p(x|z) of any z.
        num_proposals: K, a fixed number, so that it can be compiled and vmapped.
        proposal: what z is drawn from; q(z|x) if None.

    Returns:
        The proposals; `accepted` gives those that are accepted, and refuses a bound that is none.

    Raises:
        OptionError: num_proposals below 1.
        UsageError: as of `importance`.

    Source: von Neumann 1951.
    """
    check_whole(num_proposals=num_proposals)
    draw_key, accept_key = jax.random.split(key)
    z, log_w, _ = importance(draw_key, model, x, num_samples=num_proposals, proposal=proposal)
    is_accepted = jnp.log(jax.random.uniform(accept_key, log_w.shape)) < log_w - log_bound
    return Proposals(z, is_accepted, jnp.max(log_w), jnp.asarray(log_bound, log_w.dtype))


def accepted(proposals: Proposals) -> Latent:
    """The accepted draws of one example; outside jit, since how many they are is known only then.

    Returns:
        Exact draws from p(z|x), [number accepted, ...], which may be none.

    Raises:
        UsageError: a weight exceeds the bound, so that accepted proposals are no draws from p(z|x).
    """
    if not proposals.is_bound:
        largest, log_bound = float(proposals.largest), float(proposals.log_bound)
        raise UsageError(
            f"log_bound is {log_bound:.6g}, and a draw has the log-weight {largest:.6g}: expected a bound that none "
            "exceeds; give a larger one, or use inference.importance, which needs none"
        )
    chosen = np.flatnonzero(proposals.is_accepted)
    return jax.tree.map(lambda leaf: leaf[chosen], proposals.z)
