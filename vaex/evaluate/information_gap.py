"""MIG: whether one latent, and no other, tells of each factor that images were made from."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.errors import UsageError
from vaex.evaluate.factors import Codes, Factors, varying

_AT_A_TIME = 64  # draws, each of which is evaluated under the q of every example


class InformationGap(NamedTuple):
    """How much latents tell of factors that vary."""

    mig: float
    information: Float[np.ndarray, "d g"]  # I(z_j; v_k), nats
    entropy: Float[np.ndarray, " g"]  # H(v_k), nats


def information_gap(
    key: PRNGKeyArray,
    mean: Codes,
    scale: Codes,
    factors: Factors,
) -> InformationGap:
    """How much more the best latent tells of a factor than the next best, in shares of the factor's entropy.

    MIG = 1/F sum_k (I(z_j(k); v_k) - max_{j != j(k)} I(z_j; v_k)) / H(v_k),   j(k) = argmax_j I(z_j; v_k)

    I = E[log q(z_j|v_k) - log q(z_j)], where q(z_j) is the average of q(z_j|x_n) over all examples, and q(z_j|v_k) that
    over those with v_k; z is drawn once from q(z|x_n) of each.

    Args:
        key: a PRNG key.
        mean: of q(z_j|x_n), which is normal.
        scale: its standard deviation.
        factors: v of each example; those of one value are left out.

    Returns:
        MIG, from 0 to 1, and its parts.

    Raises:
        UsageError: not a row of each for every example, a scale that is not above 0, or no factor that varies.

    Source: Chen, Li, Grosse and Duvenaud 2018, section 4.1 and appendix E.
    """
    groups = varying(factors, np.asarray(mean), np.asarray(scale))
    if not np.all(np.asarray(scale) > 0):
        raise UsageError("scale has a value that is not above 0: expected deviations: a code without noise has no MIG")
    counts = [np.bincount(group) for group in groups.T]
    first = np.cumsum([0, *map(len, counts)])[:-1]  # of each factor's values, among those of all
    members = np.concatenate(
        [np.eye(len(n), dtype=np.float32)[group] for n, group in zip(counts, groups.T, strict=True)], 1
    )
    told = _information(key, jnp.asarray(mean), jnp.asarray(scale), jnp.asarray(members), jnp.asarray(groups + first))
    information = np.asarray(told)
    entropy = np.array([-np.sum(n / n.sum() * np.log(n / n.sum())) for n in counts])
    nothing = np.zeros_like(information[:1])  # what a latent tells that is put beside a single one
    ranked = np.sort(np.concatenate([nothing, np.maximum(information, 0)]), axis=0)  # an estimate may be below 0
    return InformationGap(float(np.mean((ranked[-1] - ranked[-2]) / entropy)), information, entropy)


@jax.jit
def _information(key: Array, mean: Array, scale: Array, members: Array, own: Array) -> Float[Array, "d g"]:
    """I(z_j; v_k).

    Args:
        key: a PRNG key.
        mean: [N, d].
        scale: [N, d].
        members: whether an example has a value, [N, values of all factors].
        own: the value of each factor that an example has, [N, F].
    """
    z, counts = mean + scale * jax.random.normal(key, mean.shape), members.sum(axis=0)

    def of_latent(latent: tuple[Array, Array, Array]) -> Array:
        z, mean, scale = latent

        def of_draw(draw: tuple[Array, Array]) -> Array:
            one, values = draw
            log_q = norm.logpdf(one, mean, scale)
            q = jnp.exp(log_q - log_q.max())  # a factor that is common to both densities
            return jnp.log((q @ members)[values] / counts[values]) - jnp.log(q.mean())

        return jax.lax.map(of_draw, (z, own), batch_size=_AT_A_TIME).mean(axis=0)

    return jax.lax.map(of_latent, (z.T, mean.T, scale.T))
