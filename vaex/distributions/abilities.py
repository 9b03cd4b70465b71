"""What a distribution can do: functions on which its type registers, so that nobody probes for it.

A type with no more than sample and log_prob needs no registration: it counts as continuous, its draws as carrying a
gradient, and what is not known of it in closed form is estimated from draws. One that can do more says so at home:

>>> mean.register(Mine, lambda q: q.centre)

Numpyro's types are registered here, what wraps another by what it wraps. A distribution that jax.vmap has made has the
type of a single one, and answers as that does.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.errors import UsageError
from vaex.model import Distribution, Latent, Value, Weighed

Beside = Callable[[PRNGKeyArray, Callable[[Latent], Distribution]], Weighed]


@functools.singledispatch
def mean(q: Distribution) -> Latent | None:
    """E_q[z], or None where no closed form is known."""
    return None


def own_mean(p: Distribution) -> Value:
    """E[x] of a p(x|z) that has one of its own, as whatever can be averaged has; else a UsageError."""
    try:
        return p.mean  # pyright: ignore[reportAttributeAccessIssue]
    except (AttributeError, NotImplementedError):
        cure = "give the type a property mean, E[x]"
    raise UsageError(f"{type(p).__name__}, p(x|z), has no mean, which is what is asked for: {cure}")


@functools.singledispatch
def own_estimate_mean(q: Distribution) -> Callable[[PRNGKeyArray, int], Latent] | None:
    """The distribution's own (key, num_samples) -> an estimate of E_q[z] with less noise than the mean of draws has."""
    return None


def estimate_mean(key: PRNGKeyArray, q: Distribution, num_samples: int) -> Latent:
    """E_q[z]: in closed form where there is one, else by q's own estimate, else the mean of draws."""
    if (known := mean(q)) is not None:
        return known
    if (estimate := own_estimate_mean(q)) is not None:
        return estimate(key, num_samples)
    return jax.tree.map(lambda z: jnp.mean(z, axis=0), q.sample(key, (num_samples,)))


@functools.singledispatch
def is_discrete(q: Distribution) -> bool:
    """Whether draws, or a part of each, have probabilities, summed over where those of others are integrated.

    A single point that moves with the parameters, as numpyro's Delta, is not.
    """
    return False


@functools.singledispatch
def is_point(q: Distribution) -> bool:
    """Whether q is a single point: its KL to a density is infinite, and log q(z) = 0 no density of anything."""
    return False


@functools.singledispatch
def has_gradient(q: Distribution) -> bool:
    """Whether draws carry the gradient of an expectation with respect to all of the distribution's parameters.

    d/dphi E_q[f(z)] = E[d/dphi f(z(noise, phi))]

    Not where which component of a mixture is drawn depends on phi, nor where draws are discrete.
    """
    return not is_discrete(q)


@functools.singledispatch
def is_cheap_to_evaluate(q: Distribution) -> bool:
    """Whether log_prob of another's draw is arithmetic: no inversion of a flow, no network, no search among codes."""
    return True


@functools.singledispatch
def own_sample_and_log_prob(q: Distribution) -> Callable[[PRNGKeyArray, tuple[int, ...]], tuple[Latent, Array]] | None:
    """The distribution's own (key, sample_shape) -> draws and their log-densities, where that costs less than both."""
    return None


def sample_and_log_prob(key: PRNGKeyArray, q: Distribution, num_samples: int) -> tuple[Latent, Float[Array, " k"]]:
    """K draws of any distribution, on a leading axis, and their log-densities in nats, by q's own method if it has one.

    A flow's density costs nothing on the way out, and an inversion afterwards.
    """
    if (own := own_sample_and_log_prob(q)) is not None:
        return own(key, (num_samples,))
    z = q.sample(key, (num_samples,))
    return z, jax.vmap(q.log_prob)(z)


@functools.singledispatch
def factors(q: Distribution) -> Distribution | None:
    """The factors of a vector that is independent across its dimensions, as a batch of distributions; else None."""
    return None


@functools.singledispatch
def normal_parameters(q: Distribution) -> tuple[Array, Array] | None:
    """The mean and the standard deviation of independent normal variables, or None of another distribution."""
    return None


@functools.singledispatch
def component_log_probs(q: Distribution) -> Callable[[Value], Float[Array, " k"]] | None:
    """Of a mixture, value -> log w_k p_k(value) of each component, in nats; None of what has no components."""
    return None


@functools.singledispatch
def draws_of_components(q: Distribution) -> tuple[Float[Array, " j"], Callable[[PRNGKeyArray, int], Latent]] | None:
    """Of a mixture, log w [J], and (key, K) -> K draws of each component, [J, K, ...]; None where there are none.

    Through both flows the gradient of an expectation that draws of the mixture itself lose.
    """
    return None


@functools.singledispatch
def log_prob_per_layer(q: Distribution) -> Callable[[Value], Float[Array, " l"]] | None:
    """Of a chain, value -> the log-density of each layer given those drawn before it; None of what has no layers."""
    return None


@functools.singledispatch
def draw_beside(q: Distribution, p: Distribution) -> Beside | None:
    """Of chains that are drawn in one order, (key, decode) -> what a draw z ~ q is weighed by; else None.

    KL(q || p) = E_q[sum_l KL(q(z_l|z_>l) || p(z_l|z_>l))],   the KLs in closed form, or None where one is not known
    """
    return None


@functools.singledispatch
def average(p: Distribution) -> tuple[Value, Callable[[Value], Value]]:
    """What may be averaged over several p(x|z), and the x that such an average says: E[x] and itself, if no more."""
    return own_mean(p), lambda found: found


@mean.register(dist.Distribution)
def _(q: dist.Distribution) -> Latent | None:
    try:
        return q.mean
    except (AttributeError, NotImplementedError):
        return None


@normal_parameters.register(dist.Normal)
def _(q: dist.Normal) -> tuple[Array, Array]:
    # One of them may be a single number for all dimensions.
    mean, scale = jnp.broadcast_arrays(jnp.asarray(q.loc), jnp.asarray(q.scale))
    return mean, scale


@normal_parameters.register(dist.ExpandedDistribution)
def _(q: dist.ExpandedDistribution) -> tuple[Array, Array] | None:
    if (found := normal_parameters(q.base_dist)) is None:
        return None
    own, shape = len(q.base_dist.batch_shape), q.batch_shape
    outer = found[0].shape[: found[0].ndim - own]  # of jax.vmap
    rows = (part.reshape(*outer, *[1] * (len(shape) - own), *part.shape[len(outer) :]) for part in found)
    mean, scale = (jnp.broadcast_to(part, (*outer, *shape)) for part in rows)
    return mean, scale


is_discrete.register(dist.Distribution, lambda q: q.support is not None and bool(q.support.is_discrete))
has_gradient.register(dist.Distribution, lambda q: q.has_rsample)
is_point.register(dist.Delta, lambda q: True)
factors.register(dist.Independent, lambda q: q.base_dist)
for _mixture in (dist.MixtureSameFamily, dist.MixtureGeneral):
    component_log_probs.register(_mixture, lambda q: q.component_log_probs)
for _wrapper in (dist.Independent, dist.ExpandedDistribution, dist.MaskedDistribution):
    is_discrete.register(_wrapper, lambda q: is_discrete(q.base_dist))
    has_gradient.register(_wrapper, lambda q: has_gradient(q.base_dist))
    is_point.register(_wrapper, lambda q: is_point(q.base_dist))
    is_cheap_to_evaluate.register(_wrapper, lambda q: is_cheap_to_evaluate(q.base_dist))
mean.register(dist.Independent, lambda q: mean(q.base_dist))
average.register(dist.Independent, lambda p: average(p.base_dist))
for _wrapper in (dist.ExpandedDistribution, dist.MaskedDistribution):
    mean.register(_wrapper, lambda q: None if mean(q.base_dist) is None else q.mean)
for _circular in (dist.VonMises, dist.SineBivariateVonMises, dist.SineSkewed):  # numpyro's is that of a direction
    mean.register(_circular, lambda q: None)
for _categorical in (dist.CategoricalProbs, dist.CategoricalLogits):  # numpyro's mean of a class's number is nan
    mean.register(_categorical, lambda q: None)
    average.register(_categorical, lambda p: (p.probs, lambda probabilities: jnp.argmax(probabilities, axis=-1)))
