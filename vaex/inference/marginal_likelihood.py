"""Log p(x) from draws of the posterior and a density that is fitted to them, for few continuous latents."""

from typing import NamedTuple

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
from vaex.inference.target import target
from vaex.losses.arithmetic import logsumexp
from vaex.model import AnyModel, Example

_HMC = hmc(num_leapfrog=4, num_warmup=100, target_acceptance=0.9)


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

    q is the normal distribution with the mean and the covariance of the first half of each chain, and the z_l are the
    second half. Where q had wider tails than the posterior, one draw could have all the weight: q is cut off at the
    ellipsoid that holds a share of it. No encoder is needed but for where the chains start. Meant for up to about 5
    latent numbers, since q must resemble the posterior.

    Args:
        key: a PRNG key.
        model: a model.
        x: one example; for a Conditional model a Given.
        method: hmc(), nuts(), mala() or random_walk().
        num_samples: L of each chain, which draws twice as many, 4 at least.
        num_chains: chains, each with its own start and warm-up.
        coverage: the share of the normal distribution that is left of it.

    Returns:
        The estimate, too high by half of its squared standard error on average; the standard error is by the delta
        method, of draws as many as their effective sample size, and says nothing of chains that do not agree.

    Raises:
        OptionError: a number out of its range.
        UsageError: discrete latents.

    Source: Kingma and Welling 2013, appendix D; Geweke 1999 for the cut.
    """
    check_whole(4, num_samples=num_samples)
    check_fraction(coverage=coverage)
    draws = sample(key, method, model, x, num_samples=2 * num_samples, num_chains=num_chains).z
    early, late = (
        jax.tree.map(lambda z, part=part: z[:, part], draws) for part in (slice(num_samples), slice(num_samples, None))
    )
    each = lambda f: lambda z: jax.vmap(jax.vmap(f))(z)  # of each draw of each chain
    flat = each(lambda z: ravel_pytree(z)[0])
    log_q = _cut_normal(flat(early).reshape(num_chains * num_samples, -1), flat(late), coverage)
    log_ratio = log_q - each(target(model, x).log_joint)(late)
    ratio = jnp.exp(log_ratio - jnp.max(log_ratio))
    size = blackjax().diagnostics.effective_sample_size(ratio)
    log_mean = logsumexp(log_ratio.ravel()) - jnp.log(ratio.size)
    return MarginalLikelihood(-log_mean, jnp.std(ratio, ddof=1) / jnp.mean(ratio) / jnp.sqrt(size))


def _cut_normal(fitted: Float[Array, "n d"], z: Float[Array, "*batch d"], coverage: float) -> Float[Array, "*batch"]:
    """The log-density at z of the normal distribution of these draws within the ellipsoid that has this share of it."""
    covariance = jnp.cov(fitted.T).reshape(fitted.shape[1], fitted.shape[1])
    q = dist.MultivariateNormal(jnp.mean(fitted, axis=0), covariance)
    residuals = jax.scipy.linalg.solve_triangular(q.scale_tril, (z - q.loc)[..., None], lower=True)[..., 0]
    is_inside = jnp.sum(residuals**2, axis=-1) < 2 * gammaincinv(z.shape[-1] / 2, coverage)  # of chi-squared
    return jnp.where(is_inside, q.log_prob(z) - jnp.log(coverage), -jnp.inf)
