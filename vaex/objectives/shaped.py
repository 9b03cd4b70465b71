"""The ELBO with its KL weighted or shaped: what is maximised changes, what is reported does not."""

import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from vaex import bounds
from vaex.distributions.divergences import kl_per_dimension
from vaex.errors import OptionError, UsageError, check_scalar, check_whole
from vaex.losses.arithmetic import times
from vaex.model import Example, Model
from vaex.objectives.draws import weigh_draws
from vaex.objectives.elbo import elbo
from vaex.objectives.encode import encode
from vaex.objectives.terms import Number, Terms


def free_bits(
    key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 1, nats: Number = 0.5, group_size: int = 1
) -> Terms:
    """The ELBO in which a group of latents pays only for the KL above so many nats.

    1/L sum_l log p(x|z_l) - sum_g max(nats, KL_g)

    The source takes the minibatch's mean of KL_g before the maximum; here it is each example's. Layers that are drawn
    in the generator's order count as dimensions, z_1 first: the KL of each given those above, averaged over draws.

    Args:
        key: a PRNG key.
        model: a model whose q(z|x) and p(z) factorize over dimensions, or are layers.
        x: one example.
        num_samples: L.
        nats: what each group may use for free; 0 changes nothing.
        group_size: how many neighbouring dimensions share an allowance.

    Returns:
        Terms, in nats; elbo is the plain bound.

    Raises:
        OptionError: num_samples or group_size below 1, nats that are negative or not finite, or groups that do not
            divide the dimensions.
        UsageError: a q whose draws carry no gradient, or no factorization.

    Source: Kingma et al. 2016, free bits.
    """
    check_scalar(0, nats=nats)
    check_whole(group_size=group_size)
    q = encode(model, x)
    w = weigh_draws(key, model, x, q, num_samples)
    kls = kl_per_dimension(q, model.prior)
    if kls is None and w.kls is not None:
        kls = bounds.elbo(w.kls)
    if kls is None:
        raise UsageError(
            f"free bits need a closed-form KL for each dimension or layer, found {type(q).__name__}: use another "
            "objective"
        )
    if kls.size % group_size:
        raise OptionError("group_size", group_size, f"a divisor of the {kls.size} latent dimensions")
    log_px_z, kl = bounds.elbo(w.log_px_z), jnp.sum(kls)
    paid = jnp.sum(jnp.maximum(nats, jnp.sum(kls.reshape(-1, group_size), axis=-1)))
    return Terms(log_px_z - paid, log_px_z - kl, log_px_z, kl)


def capacity(
    key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 1, nats: Number = 25.0, gamma: Number = 100.0
) -> Terms:
    """The ELBO whose KL is held at a given number of nats, which a schedule may raise.

    1/L sum_l log p(x|z_l) - gamma |KL(q(z|x) || p(z)) - nats|

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: L.
        nats: C, the capacity.
        gamma: how hard it is held.

    Returns:
        Terms, in nats; elbo is the plain bound.

    Raises:
        OptionError: num_samples below 1, or nats or gamma that are negative or not finite.
        UsageError: a q whose draws carry no gradient, or no closed-form KL.

    Source: Burgess et al. 2018, understanding disentangling in beta-VAE, equation 8.
    """
    check_scalar(0, nats=nats, gamma=gamma)
    plain = elbo(key, model, x, num_samples=num_samples, kl="analytic")
    return plain._replace(objective=plain.log_px_z - times(gamma, jnp.abs(plain.kl - nats)))
