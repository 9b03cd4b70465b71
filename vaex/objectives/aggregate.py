"""Objectives of the aggregate posterior q(z), which take the whole batch."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.abilities import has_gradient, sample_and_log_prob
from vaex.distributions.shapes import check_event, check_number, log_density
from vaex.errors import OptionError, UsageError, check_scalar, check_whole, known_numbers
from vaex.losses.arithmetic import at_least_float32, times
from vaex.model import Distribution, Example, Latent, Model, one_of
from vaex.objectives.draws import check_draws, draw
from vaex.objectives.encode import encode
from vaex.objectives.pairwise import densities
from vaex.objectives.terms import Number, Terms, needed_factors


def total_correlation(
    key: PRNGKeyArray,
    model: Model,
    batch: Example,
    *,
    num_train: int,
    alpha: Number = 1.0,
    beta: Number = 6.0,
    gamma: Number = 1.0,
) -> Terms:
    """The beta-TC-VAE objective: the KL in three parts, each with its weight.

    E log p(x|z) - alpha I(x; z) - beta KL(q(z) || prod_j q(z_j)) - gamma sum_j KL(q(z_j) || p(z_j))

    where minibatch-weighted sampling estimates log q(z_i) by log 1/(NM) sum_m q(z_i|x_m), and log q(z_ij) likewise.
    With alpha = beta = gamma = 1 the estimates of q(z) cancel: the ELBO with the sampled KL.

    Args:
        key: a PRNG key.
        model: a model whose q(z|x) and p(z) factorize over dimensions.
        batch: M examples, at least 2.
        num_train: N, the size of the data set.
        alpha: weight of the index-code mutual information.
        beta: weight of the total correlation.
        gamma: weight of the dimension-wise KL.

    Returns:
        Terms, each [M], in nats.

    Raises:
        OptionError: num_train below 1, or a weight that is negative or not finite.
        UsageError: one example instead of a batch, or distributions that do not factorize.

    Source: Chen et al. 2018, equations 2 to 4 and appendix C.1.
    """
    check_whole(num_train=num_train)
    check_scalar(0, alpha=alpha, beta=beta, gamma=gamma)
    check_event("p(z)", model.prior)
    needed_factors(model.prior)
    num_examples = _check_batch(model, batch)
    qs, keys = jax.vmap(lambda x: encode(model, x))(batch), jax.random.split(key, num_examples)
    log_px_z, z = jax.vmap(lambda k, q, x: _draw_and_decode(k, model, q, x))(keys, qs, batch)
    log_q, joint, marginals = densities(qs, z)
    log_nm = math.log(num_train * z.shape[0])
    log_q_aggregate, log_q_product = joint - log_nm, marginals - z.shape[-1] * log_nm
    log_p = jax.vmap(lambda one: log_density("p(z)", model.prior, one))(z)
    information, correlation, marginal = log_q - log_q_aggregate, log_q_aggregate - log_q_product, log_q_product - log_p
    kl = log_q - log_p
    objective = log_px_z - times(alpha, information) - times(beta, correlation) - times(gamma, marginal)
    return Terms(objective, log_px_z - kl, log_px_z, kl)


def info(key: PRNGKeyArray, model: Model, batch: Example, *, alpha: Number = 1.0, strength: Number = 500.0) -> Terms:
    """The InfoVAE objective with the maximum mean discrepancy between q(z) and p(z).

    E log p(x|z) - (1 - alpha) KL(q(z|x) || p(z)) - (alpha + strength - 1) MMD^2(q(z), p(z))

    The MMD has the Gaussian kernel exp(-|z - z'|^2 / (2 d)); its unbiased estimate compares the batch with as many
    draws from the prior.

    Args:
        key: a PRNG key.
        model: a model whose z is one vector.
        batch: M examples, at least 2.
        alpha: at most 1, which drops the KL (MMD-VAE); 0 with strength 1 is the ELBO.
        strength: lambda, not negative and at least 1 - alpha.

    Returns:
        Terms, each [M], in nats; the MMD is the batch's, the same for each example.

    Raises:
        OptionError: alpha above 1, a strength that is negative or below 1 - alpha, or one that is not finite.
        UsageError: one example instead of a batch, a z that is no vector, or a p(z) whose draws carry no
            gradient to all of its parameters, such as a mixture's weights.

    Source: Zhao, Song and Ermon 2017, InfoVAE with the MMD.
    """
    check_scalar(most=1, alpha=alpha)
    check_scalar(0, strength=strength)
    if any(a + b < 1 - 1e-9 for a in known_numbers(alpha) for b in known_numbers(strength)):
        raise OptionError("strength", strength, f"at least 1 - alpha, {1 - alpha}", "else the MMD would be made larger")
    num_examples = _check_batch(model, batch)
    if not has_gradient(model.prior):
        raise UsageError(
            f"the MMD compares draws, and those of {type(model.prior).__name__} carry no gradient to all of its "
            "parameters: use another prior, or another objective"
        )
    prior_key, key = jax.random.split(key)

    def one(k: PRNGKeyArray, x: Example) -> tuple[Array, Array, Array]:
        q = encode(model, x)
        check_draws(q, 1)
        z, log_q = sample_and_log_prob(k, q, 1)
        single = jax.tree_util.all_leaves([z])
        if not single or z.ndim != 2:
            found = f"shape {z.shape[1:]}" if single else "several arrays"
            raise UsageError(f"the MMD compares vectors, found a z of {found}: use another objective")
        check_number("q(z|x)", log_q[0])
        return log_density("p(x|z)", model.decode(z[0]), x), z[0], log_q[0]

    # Within one vmap, so that a flow's weights are not copied for each example.
    log_px_z, z, log_q = jax.vmap(one)(jax.random.split(key, num_examples), batch)
    kl = log_q - jax.vmap(lambda one: log_density("p(z)", model.prior, one))(z)
    discrepancy = squared_mmd(z, model.prior.sample(prior_key, (z.shape[0],)))
    objective = log_px_z - times(1 - alpha, kl) - (alpha + strength - 1) * discrepancy
    return Terms(objective, log_px_z - kl, log_px_z, kl)


def squared_mmd(a: Float[Array, "m d"], b: Float[Array, "n d"]) -> Float[Array, ""]:
    """The squared maximum mean discrepancy of two samples, without bias, so that it may be below zero.

    mean_{i != j} k(a_i, a_j) + mean_{i != j} k(b_i, b_j) - 2 mean_{i, j} k(a_i, b_j)

    Raises:
        UsageError: a sample of fewer than two, of which no two differ.

    Source: Gretton et al. 2012, lemma 6.
    """

    def kernel(u: Float[Array, "m d"], v: Float[Array, "n d"]) -> Float[Array, "m n"]:
        # By differences: the matrix product's short cut loses digits where it runs in low precision.
        return jnp.exp(-jnp.sum((u[:, None] - v[None]) ** 2, axis=-1) / (2 * u.shape[-1]))

    a, b = at_least_float32(a), at_least_float32(b)
    if min(len(a), len(b)) < 2:
        raise UsageError(f"found samples of {len(a)} and {len(b)}: expected 2 or more in each")

    def within(u: Float[Array, "m d"]) -> Float[Array, ""]:
        m = u.shape[0]
        return (jnp.sum(kernel(u, u)) - m) / (m * (m - 1))

    return within(a) + within(b) - 2 * jnp.mean(kernel(a, b))


def _check_batch(model: Model, batch: Example) -> int:
    """How many examples there are, at least 2 of them that the model can encode."""
    shape, cause = jax.tree.leaves(batch)[0].shape, None
    if shape and shape[0] > 1:
        try:
            jax.eval_shape(_encoded(model), one_of(batch))
            return shape[0]
        except Exception as error:  # whatever the network of a stranger raises
            if not _is_example(model, batch):
                raise
            cause = error
    raise UsageError(
        f"this objective takes a batch of at least 2 examples, found shape {shape}: call it without vmap on "
        "[M, ...], or in batch_loss with whole_batch=True"
    ) from cause


def _encoded(model: Model) -> Callable[[Example], Latent]:
    """A draw in the place of q(z|x), which need not be a pytree."""
    return lambda x: model.encode(x).sample(jax.random.key(0))


def _is_example(model: Model, x: Example) -> bool:
    try:
        jax.eval_shape(_encoded(model), x)
    except Exception:  # of a stranger's network again, which then is wrong itself
        return False
    return True


def _draw_and_decode(key: PRNGKeyArray, model: Model, q: Distribution, x: Example) -> tuple[Float[Array, ""], Latent]:
    z = jax.tree.map(lambda leaf: leaf[0], draw(key, q, 1))
    return log_density("p(x|z)", model.decode(z), x), z
