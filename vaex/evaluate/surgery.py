"""What the KL of a bound is spent on: the ELBO's KL in parts, by the average q(z) of all posteriors."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex import bounds
from vaex.distributions.abilities import factors, is_cheap_to_evaluate
from vaex.distributions.shapes import log_density
from vaex.evaluate.trial import Scores, Trial
from vaex.model import Distribution, Example, Latent, Model, first, one_of, split
from vaex.objectives.draws import as_pytree
from vaex.objectives.encode import encode

_EXAMPLES = 2000  # of the test, every pair of which is evaluated


class Surgery(NamedTuple):
    """In nats; the first two add up to the mean of KL(q(z|x) || p(z)), and the last two to the second."""

    mutual_information: Float[Array, ""]  # I_q(x; z) of which of the M examples x is, at most log M
    marginal_kl: Float[Array, ""]  # KL(q(z) || p(z))
    total_correlation: Float[Array, ""] | None  # KL(q(z) || prod_j q(z_j)); None where q or p does not factorize
    dimension_kl: Float[Array, " d"] | None  # KL(q(z_j) || p(z_j)) of each dimension


def surgery(key: PRNGKeyArray, model: Model, batch: Example) -> Surgery:
    """The mean KL of M examples in parts, each estimated by the same draw z_i ~ q(z|x_i) of each.

    1/M sum_i KL(q(z|x_i) || p(z)) = I_q(x; z) + KL(q(z) || p(z)),   q(z) = 1/M sum_i q(z|x_i)
    KL(q(z) || p(z)) = KL(q(z) || prod_j q(z_j)) + sum_j KL(q(z_j) || p(z_j))

    Args:
        key: a PRNG key.
        model: a model.
        batch: M examples, [M, ...].

    Returns:
        The parts, in nats.

    Source: Hoffman and Johnson 2016; the second line is that of Chen et al. 2018, equation 2.
    """
    average = _average(key, _posteriors(model, batch))
    return _parts(average, _log_prior(model.prior, average.z))


def surgery_scores(key: PRNGKeyArray, trial: Trial) -> Scores:
    """The parts of the KL of the first test examples; none under a condition, or where a density takes a network."""
    one = one_of(trial.x)
    if split(trial.x)[1] is not None or not is_cheap_to_evaluate(jax.eval_shape(trial.model.encode, one)):
        return {}
    prior = trial.model.prior
    some = first(trial.x, _EXAMPLES)
    average = _average(key, jax.jit(lambda x: _posteriors(trial.model, x))(some))
    found = _parts(average, jax.jit(lambda z: _log_prior(prior, z))(average.z))
    scores: Scores = {
        "mutual_information": float(found.mutual_information),
        "marginal_kl": float(found.marginal_kl),
    }
    if found.total_correlation is not None:
        scores["total_correlation"] = float(found.total_correlation)
        scores["dimension_kl"] = float(found.marginal_kl - found.total_correlation)
    return scores


class _Average(NamedTuple):
    """Of a draw from the q(z|x_i) of each of M examples."""

    z: Latent
    log_q_own: Float[Array, " m"]  # log q(z_i|x_i)
    log_q: Float[Array, " m"]  # log q(z_i)
    log_q_each: Float[Array, "m d"] | None  # log q(z_ij), where q factorizes


@jax.jit  # of arrays alone, and so compiled once for all models of the same latents
def _average(key: PRNGKeyArray, qs: Distribution) -> _Average:
    m = jax.tree.leaves(qs)[0].shape[0]

    def under(q: Distribution, z: Latent) -> tuple[Array, Array | None]:
        each = factors(q)
        return log_density("q(z|x)", q, z), None if each is None else each.log_prob(z)

    def of_draw(z: Latent) -> tuple[Array, Array | None]:
        return jax.tree.map(bounds.iwae, jax.vmap(under, in_axes=(0, None))(qs, z))

    z = jax.vmap(lambda k, q: q.sample(k))(jax.random.split(key, m), qs)
    return _Average(z, jax.vmap(lambda q, z: under(q, z)[0])(qs, z), *jax.lax.map(of_draw, z))


def _posteriors(model: Model, batch: Example) -> Distribution:
    return jax.vmap(lambda x: as_pytree(encode(model, x)))(batch)


def _log_prior(prior: Distribution, z: Latent) -> tuple[Array, Array | None]:
    """Log p(z_i), [M], and log p(z_ij), [M, d], where p factorizes."""
    each = factors(prior)
    of_one = lambda z: (log_density("p(z)", prior, z), None if each is None else each.log_prob(z))
    return jax.vmap(of_one)(z)


def _parts(average: _Average, log_prior: tuple[Array, Array | None]) -> Surgery:
    log_p, log_p_each = log_prior
    information, marginal = jnp.mean(average.log_q_own - average.log_q), jnp.mean(average.log_q - log_p)
    if average.log_q_each is None or log_p_each is None:
        return Surgery(information, marginal, None, None)
    each = jnp.mean(average.log_q_each - log_p_each, axis=0)
    return Surgery(information, marginal, marginal - jnp.sum(each), each)
