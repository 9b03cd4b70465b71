"""Log p(x) from draws of the posterior and a density that is fitted to them, for few continuous latents."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray
from scipy.special import gammaincinv

from vaex.errors import check_fraction, check_whole
from vaex.inference.kernels import blackjax
from vaex.inference.mcmc import hmc
from vaex.inference.method import Method
from vaex.inference.sampling import sample
from vaex.inference.space import space
from vaex.inference.target import target
from vaex.losses.arithmetic import logsumexp
from vaex.model import AnyModel, Example

_HMC = hmc(num_leapfrog=4, num_warmup=100, target_acceptance=0.9)
_OWN = 1998  # folded into a key that the chains are split from, for draws of q itself


class MarginalLikelihood(NamedTuple):
    """An estimate of log p(x) in nats, and its standard error."""

    log_likelihood: Float[Array, "*batch"]
    standard_error: Float[Array, "*batch"]


def marginal_likelihood(
    key: PRNGKeyArray,
    model: AnyModel,
    x: Example,
    *,
    method: Method = _HMC,
    num_samples: int = 250,
    num_chains: int = 4,
    coverage: float = 0.9,
) -> MarginalLikelihood:
    """Log p(x) by draws of the posterior, half of which say where to look and half of which how dense it is there.

    1 / p(x) = E_{p(z|x)}[q(z) / p(x, z)] ~ 1/L sum_l q(z_l) / p(x, z_l)

    q is the normal distribution with the mean and the covariance of the first half of each chain, over free numbers
    that stand for z, and the z_l are the second half. Where q had wider tails than the posterior, one draw could have
    all the weight: q is cut off at the ellipsoid that holds a share of it, and where p(x, z) is zero, of which as many
    draws of its own say how much that is.
    No encoder is needed but for where the chains start. Meant for up to about 5 latent numbers, since q must resemble
    the posterior.

    Args:
        key: a PRNG key.
        model: a model.
        x: one example; for a Conditional model a Given.
        method: hmc(), nuts(), mala() or random_walk().
        num_samples: L of each chain, which draws twice as many, 4 at least.
        num_chains: chains, each with its own start and warm-up.
        coverage: the share of the normal distribution that is left of it.

    Returns:
        The estimate, too high by at most half of its squared standard error on average; the standard error is by the
        delta method, of draws as many as their effective sample size, and says nothing of chains that do not agree.

    Raises:
        OptionError: a number out of its range.
        UsageError: discrete latents.

    Source: Kingma and Welling 2013, appendix D; Geweke 1999 for the cut.
    """
    check_whole(4, num_samples=num_samples)
    check_fraction(coverage=coverage)
    draws = sample(key, method, model, x, num_samples=2 * num_samples, num_chains=num_chains).z
    where = space(target(model, x))
    each = lambda f: jax.vmap(jax.vmap(f))  # of each draw of each chain
    positions = each(where.position)(draws)
    unflat = ravel_pytree(jax.tree.map(lambda one: one[0, 0], positions))[1]
    log_joint = lambda flat: where.log_joint(unflat(flat))
    early, late = jnp.split(each(lambda one: ravel_pytree(one)[0])(positions), 2, axis=1)
    q = _fitted(early.reshape(num_chains * num_samples, -1))
    log_ratio = _log_cut(q, late, coverage) - each(log_joint)(late)
    ratio = jnp.exp(log_ratio - jnp.max(log_ratio))
    size = blackjax().diagnostics.effective_sample_size(ratio)
    log_mean = logsumexp(log_ratio.ravel()) - jnp.log(ratio.size)
    own = q.sample(jax.random.fold_in(key, _OWN), (ratio.size,))
    is_inside = _log_cut(q, own, coverage) > -jnp.inf
    is_possible = jax.vmap(log_joint)(own) > -jnp.inf
    share = jnp.sum(is_inside & is_possible) / jnp.sum(is_inside)
    error = jnp.var(ratio, ddof=1) / jnp.mean(ratio) ** 2 / size + (1 / share - 1) / jnp.sum(is_inside)
    return MarginalLikelihood(jnp.log(share) - log_mean, jnp.sqrt(error))


def _fitted(z: Float[Array, "n d"]) -> Any:
    covariance = jnp.cov(z.T).reshape(z.shape[1], z.shape[1])
    return dist.MultivariateNormal(jnp.mean(z, axis=0), covariance)


def _log_cut(q: Any, z: Float[Array, "*batch d"], coverage: float) -> Float[Array, "*batch"]:
    """The log-density at z of a normal distribution within the ellipsoid that has this share of it."""
    residuals = jax.scipy.linalg.solve_triangular(q.scale_tril, (z - q.loc)[..., None], lower=True)[..., 0]
    is_inside = jnp.sum(residuals**2, axis=-1) < 2 * gammaincinv(z.shape[-1] / 2, coverage)  # of chi-squared
    return jnp.where(is_inside, q.log_prob(z) - jnp.log(coverage), -jnp.inf)
