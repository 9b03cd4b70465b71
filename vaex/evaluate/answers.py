"""What a model answers about one example: moments of q(z|x), a reconstruction, a path between two, a draw."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num, PRNGKeyArray

from vaex.distributions import abilities
from vaex.distributions.supports import nearest
from vaex.distributions.temperature import tempered
from vaex.distributions.variance import variance as known_variance
from vaex.errors import OptionError, UsageError, check_finite, check_whole
from vaex.evaluate.latents import posterior_mean
from vaex.model import Condition, Conditional, Distribution, Example, Latent, Model, at
from vaex.objectives.encode import encode_example

_DRAWS = 100  # of q(z|x), for moments that are not known


class Moments(NamedTuple):
    """Of q(z|x), each in the structure of z."""

    mean: Latent
    variance: Latent


class Drawn(NamedTuple):
    """A draw from a model."""

    z: Latent
    mean: Num[Array, "..."]  # E[p(x|z)], or the most probable class
    x: Float[Array, "..."]  # drawn from p(x|z)


def moments(key: PRNGKeyArray, model: Model | Conditional, example: Example) -> Moments:
    """E_q[z] and Var_q[z] of each latent: as they are where they are known, else from 100 draws.

    Args:
        key: a PRNG key.
        model: a model, or one for each condition.
        example: one example; for a Conditional model a Given.
    """
    mean_key, variance_key = jax.random.split(key)
    q = encode_example(*at(model, example))
    mean = posterior_mean(mean_key, q, num_samples=_DRAWS)
    if (variance := known_variance(q)) is None:
        draws = q.sample(variance_key, (_DRAWS,))
        variance = jax.tree.map(lambda z: jnp.var(z, axis=0, ddof=1), draws)
    return Moments(mean, variance)


def reconstruction(key: PRNGKeyArray, model: Model | Conditional, example: Example) -> Num[Array, "..."]:
    """E[p(x|z)] at the mean of q(z|x), or at a draw from it where z is discrete or the mean not known.

    Of a categorical p(x|z) it is the most probable class.

    Args:
        key: a PRNG key.
        model: a model, or one for each condition.
        example: one example; for a Conditional model a Given.
    """
    now, seen = at(model, example)
    q = encode_example(now, seen)
    known = None if abilities.is_discrete(q) else abilities.mean(q)
    return _mean(now, q.sample(key) if known is None else nearest(now.prior, known))


def interpolation(
    key: PRNGKeyArray, model: Model | Conditional, pair: tuple[Example, Example], *, steps: int
) -> Num[Array, "steps ..."]:
    """E[p(x|z)] on the straight line from one example's E_q[z] to another's, both ends among the steps.

    z_t = (1 - t) E[z|a] + t E[z|b],   on a sphere what lies above that line

    Args:
        key: a PRNG key.
        model: a model, or one for each condition; the path is decoded under the first example's.
        pair: two examples.
        steps: how many points.

    Raises:
        OptionError: fewer than two steps.
        UsageError: a discrete z, between whose values there is nothing.
    """
    check_whole(2, steps=steps)
    now, _ = at(model, pair[0])
    start_q, end_q = (encode_example(*at(model, example)) for example in pair)
    if abilities.is_discrete(start_q) or abilities.is_discrete(now.prior):
        raise UsageError(
            f"z is discrete ({type(start_q).__name__}), and nothing lies between two of its values: take a model "
            "whose latents are continuous"
        )
    keys, ends = jax.random.split(key), (start_q, end_q)
    start, end = (posterior_mean(k, q, num_samples=_DRAWS) for k, q in zip(keys, ends, strict=True))
    path = lambda t: jax.tree.map(lambda a, b: (1 - t) * a + t * b, start, end)
    return jax.vmap(lambda t: _mean(now, nearest(now.prior, path(t))))(jnp.linspace(0.0, 1.0, steps))


def draw(
    key: PRNGKeyArray, model: Model | Conditional, condition: Condition = None, *, temperature: float = 1.0
) -> Drawn:
    """z ~ p(z) with its standard deviation multiplied by a temperature, E[p(x|z)], and x ~ p(x|z).

    z ~ N(mu, diag(T^2 sigma^2)) where p(z) = N(mu, diag(sigma^2)); of a hierarchy so in each layer

    Args:
        key: a PRNG key.
        model: a model, or one for each condition.
        condition: what is drawn under; None of a model without one.
        temperature: T; below 1 draws are nearer to the middle of p(z), and at 0 in it.

    Raises:
        OptionError: a temperature below 0, or another than 1 where p(z) is not made of independent normal ones.
    """
    check_finite(0, temperature=temperature)
    prior_key, draw_key = jax.random.split(key)
    now = _under(model, condition)
    prior = now.prior if temperature == 1 else tempered(now.prior, temperature)
    if prior is None:
        expected = f"1 where p(z) has no deviation to multiply ({type(now.prior).__name__})"
        raise OptionError("temperature", temperature, expected, "leave it out")
    z = prior.sample(prior_key)
    p = now.decode(z)
    return Drawn(z, _said(p), p.sample(draw_key))


@functools.singledispatch
def _under(model: Model, condition: Condition) -> Model:
    return model.given(condition)


@_under.register(Conditional)
def _(model: Conditional, condition: Condition) -> Model:
    return model.model_of(condition)  # of none too, where only the encoder is shown a condition


def _mean(model: Model, z: Latent) -> Num[Array, "..."]:
    return _said(model.decode(z))


def _said(p: Distribution) -> Num[Array, "..."]:
    average, read = abilities.average(p)
    return read(average)
