"""Wake-sleep: the generator learns from the posterior's draws, the recognition model from those or from dreams."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex import bounds
from vaex.bounds import with_value
from vaex.distributions.masked import draw_like
from vaex.distributions.shapes import log_density
from vaex.errors import OptionError
from vaex.losses.arithmetic import times
from vaex.model import Example, Model
from vaex.objectives.draws import weigh_frozen_draws
from vaex.objectives.encode import encode
from vaex.objectives.terms import Terms, terms


def wake_sleep(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 1) -> Terms:
    """The wake-sleep algorithm, as one value whose gradient is the sum of both phases'.

    generator (wake):     1/L sum_l d log p(x, z_l) / d theta,      z_l ~ q(z|x)
    recognition (sleep):  1/L sum_l d log q(z'_l|x'_l) / d phi,     (x'_l, z'_l) ~ p(x, z)

    The wake phase climbs the ELBO, the sleep phase descends E_p(x)[KL(p(z|x) || q(z|x))], of the model's own x: no one
    function has both as its gradient. Nothing is differentiated through a draw, so that z may be discrete. What p and
    q share, as a ladder's way down or a VampPrior's encoder, is moved by both.

    Args:
        key: a PRNG key.
        model: a model with any q, discrete or not.
        x: one example; what is missing of it is missing of the dreams, whose condition is its own.
        num_samples: L.

    Returns:
        Terms, in nats, with the value of the ELBO with the sampled KL.

    Raises:
        OptionError: num_samples below 1.

    Source: Hinton, Dayan, Frey and Neal 1995.
    """
    wake_key, sleep_key = jax.random.split(key)
    w = weigh_frozen_draws(wake_key, model, x, encode(model, x), num_samples)
    surrogate = jnp.mean(w.log_px_z + w.log_pz) + _dreamt(sleep_key, model, x, num_samples)
    return terms(with_value(bounds.elbo(w.log_w), surrogate), w)


def reweighted_wake_sleep(
    key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 5, recognition: str = "wake"
) -> Terms:
    """Reweighted wake-sleep: the wake phase with draws that are weighed, so that they are nearer to the posterior's.

    generator:           sum_k v_k d log p(x, z_k) / d theta,   v = softmax(log w),   z_k ~ q(z|x)
    recognition, wake:   sum_k v_k d log q(z_k|x) / d phi,      which descends KL(p(z|x) || q(z|x))
    recognition, sleep:  d log q(z'|x') / d phi,                (x', z') ~ p(x, z)

    The generator's gradient is that of L_K; as gradients of log p(x) and of the KL those of the wake phase have a bias
    of order 1/K, and the sleep phase's of its own KL has none. At K = 1 the wake phase teaches the recognition model
    nothing. Nothing is differentiated through a draw. What p and q share is moved by both.

    Args:
        key: a PRNG key.
        model: a model with any q, discrete or not.
        x: one example; what is missing of it is missing of the dream, whose condition is its own.
        num_samples: K.
        recognition: the phase that teaches q(z|x): "wake", "sleep" or "both", the mean of the two.

    Returns:
        Terms, in nats, with the value of iwae.

    Raises:
        OptionError: num_samples below 1, or another name of a phase.

    Source: Bornschein and Bengio 2015, equations 4 to 6; Le et al. 2019, revisiting reweighted wake-sleep.
    """
    if recognition not in ("wake", "sleep", "both"):
        raise OptionError("recognition", recognition, '"wake", "sleep" or "both"')
    wake_key, sleep_key = (key, key) if recognition == "wake" else jax.random.split(key)
    w = weigh_frozen_draws(wake_key, model, x, encode(model, x), num_samples)
    v = w.normalized()
    wake, sleep = {"wake": (1.0, 0.0), "sleep": (0.0, 1.0), "both": (0.5, 0.5)}[recognition]
    surrogate = jnp.sum(times(v, w.log_px_z + w.log_pz))
    if wake:
        surrogate += wake * jnp.sum(times(v, w.log_qz))
    if sleep:
        surrogate += sleep * _dreamt(sleep_key, model, x, 1)
    return terms(with_value(bounds.iwae(w.log_w), surrogate), w)


def _dreamt(key: PRNGKeyArray, model: Model, x: Example, num_dreams: int) -> Float[Array, ""]:
    """The mean of log q(z'|x') over draws of the generator, whose gradient is the recognition model's alone."""

    def one(key: PRNGKeyArray) -> Float[Array, ""]:
        latent_key, example_key = jax.random.split(key)
        z = model.prior.sample(latent_key)
        dream = draw_like(example_key, model.decode(z), x)
        z, dream = jax.lax.stop_gradient((z, dream))
        return log_density("q(z|x)", encode(model, dream), z)

    return jnp.mean(jax.vmap(one)(jax.random.split(key, num_dreams)))
