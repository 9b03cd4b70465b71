"""What the likelihood of a table is made of: a distribution for each type of column, of what a decoder puts out."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from vaex.distributions.counts import NegativeBinomial, Poisson
from vaex.distributions.student_t import StudentT
from vaex.model import Params
from vaex.models.columns import Columns, units
from vaex.models.likelihood_parts import bounded, unbounded
from vaex.models.scales import learned_scale

_LEAST_CONCENTRATION = 1e-4  # of a negative binomial; above its inverse it would be a Poisson


class Options(NamedTuple):
    """What the parts go by."""

    sigma: float = 1.0  # where a scale starts, in standard deviations of its column
    min_sigma: float = 0.01  # what it stays above
    degrees: float = 4.0  # of freedom


class Part(NamedTuple):
    """The distribution of some columns of one type."""

    width: int  # numbers that the decoder puts out for each column
    start: Float[np.ndarray, "n w"]  # what they start from
    init: dict[str, np.ndarray | Array]  # its own parameters to start from, arrays with a leading axis of n
    apply: Callable[[Params, Float[Array, "n w"]], dist.Distribution]


def gaussian(columns: Columns, options: Options) -> Part:
    """N(m + s raw, (s sigma)^2), a sigma learned for each column."""
    return _with_learned_scale(columns, options, dist.Normal)


def gaussian_output(columns: Columns, options: Options) -> Part:
    """N(m + s raw_1, (s sigma)^2), sigma from z: bounded exp of raw_2."""
    return _with_scale_of_z(columns, options, dist.Normal)


def student_t(columns: Columns, options: Options) -> Part:
    """Student's t about m + s raw, a scale learned for each column."""
    return _with_learned_scale(columns, options, lambda loc, scale: StudentT(options.degrees, loc, scale))


def student_t_output(columns: Columns, options: Options) -> Part:
    """Student's t about m + s raw_1, its scale from z."""
    return _with_scale_of_z(columns, options, lambda loc, scale: StudentT(options.degrees, loc, scale))


def log_normal(columns: Columns, options: Options) -> Part:
    """Log x ~ N(m + s raw, (s sigma)^2), m and s those of log x, a sigma learned for each column."""
    return _with_learned_scale(columns, options, dist.LogNormal)


def log_normal_output(columns: Columns, options: Options) -> Part:
    """The same with sigma from z."""
    return _with_scale_of_z(columns, options, dist.LogNormal)


def poisson(columns: Columns, options: Options) -> Part:
    """Poisson(rate), log rate = m + s raw, m and s those of log(1 + x); within what a float holds."""
    rate = _rate(columns)
    return Part(1, np.zeros((len(columns), 1)), {}, lambda params, raw: Poisson(rate(raw[:, 0])))


def negative_binomial(columns: Columns, options: Options) -> Part:
    """A Poisson whose rate is Gamma with that mean: E[x] = rate, Var[x] = rate + rate^2 / c, a c learned for each."""
    rate = _rate(columns)

    def apply(params: Params, raw: Float[Array, "n w"]) -> dist.Distribution:
        c = jnp.exp(bounded(params["log_concentration"], _LEAST_CONCENTRATION))
        return NegativeBinomial(c, c / rate(raw[:, 0]))

    return Part(1, np.zeros((len(columns), 1)), {"log_concentration": np.zeros(len(columns))}, apply)


def zero_inflated(counts: Callable[[Columns, Options], Part]) -> Callable[[Columns, Options], Part]:
    """p(x) = g [x = 0] + (1 - g) p(x), g = sigmoid of a number that the decoder puts out for each column."""

    def part(columns: Columns, options: Options) -> Part:
        base = counts(columns, options)

        def apply(params: Params, raw: Float[Array, "n w"]) -> dist.Distribution:
            inflated: Any = dist.ZeroInflatedDistribution(base.apply(params, raw), gate_logits=raw[:, 1])
            return inflated

        start = np.concatenate([base.start, np.full((len(columns), 1), -2.0)], axis=1)
        return Part(2, start, base.init, apply)

    return part


def bernoulli(columns: Columns, options: Options) -> Part:
    """Bernoulli(sigmoid(raw))."""
    return Part(1, np.zeros((len(columns), 1)), {}, lambda params, raw: dist.BernoulliLogits(raw[:, 0]))


def categorical(columns: Columns, options: Options) -> Part:
    """Softmax(raw) over the classes, of which all these columns have as many."""
    num_classes = len(columns[0].classes)
    start = np.zeros((len(columns), num_classes))
    return Part(num_classes, start, {}, lambda params, raw: dist.CategoricalLogits(raw))


def ordinal(columns: Columns, options: Options) -> Part:
    """P(x <= k) = sigmoid(c_k - raw), the cutpoints c_1 < c_2 < ... learned, of columns with as many classes."""
    n, num_classes = len(columns), len(columns[0].classes)
    share = np.arange(1, num_classes) / num_classes
    cuts = np.log(share) - np.log1p(-share)
    init = {"first_cut": np.full(n, cuts[0]), "log_steps": np.tile(np.log(np.diff(cuts)), (n, 1))}

    def apply(params: Params, raw: Float[Array, "n w"]) -> dist.Distribution:
        steps = jnp.exp(bounded(params["log_steps"], 1e-3))
        first = params["first_cut"][:, None]
        cutpoints = jnp.concatenate([first, first + jnp.cumsum(steps, axis=1)], axis=1)
        return dist.CategoricalLogits(_ordered(cutpoints - raw))

    return Part(1, np.zeros((n, 1)), init, apply)


REAL = {
    "gaussian": gaussian,
    "gaussian_output": gaussian_output,
    "student_t": student_t,
    "student_t_output": student_t_output,
}
POSITIVE = {"log_normal": log_normal, "log_normal_output": log_normal_output}
COUNT = {
    "poisson": poisson,
    "negative_binomial": negative_binomial,
    "zero_inflated_poisson": zero_inflated(poisson),
    "zero_inflated_negative_binomial": zero_inflated(negative_binomial),
}


def _ordered(cuts: Float[Array, "n c"]) -> Float[Array, "n k"]:
    """Log of sigmoid(c_k) - sigmoid(c_{k-1}), open at both ends, in closed form.

    numpyro's OrderedLogistic takes the difference itself, which is 0 in 32 bits where a class is improbable.
    """
    log_below = jnp.pad(jax.nn.log_sigmoid(cuts), ((0, 0), (0, 1)))
    log_above = jnp.pad(jax.nn.log_sigmoid(-cuts), ((0, 0), (1, 0)))
    both = jnp.pad(jnp.log(-jnp.expm1(-jnp.diff(cuts))), ((0, 0), (1, 1)))
    return log_below + log_above + both


def _rate(columns: Columns) -> Callable[[Array], Array]:
    """exp(m + s raw), within a factor of 150 times one more than the most of the column from e^m, by a tanh."""
    center, scale = units(columns)
    bound = jnp.log1p(jnp.asarray([c.most for c in columns], jnp.float32)) + 5
    return lambda raw: jnp.exp(center + bound * jnp.tanh(scale * raw / bound))


def _with_learned_scale(columns: Columns, options: Options, family: Callable[..., dist.Distribution]) -> Part:
    center, scale = units(columns)

    def apply(params: Params, raw: Float[Array, "n w"]) -> dist.Distribution:
        return family(center + scale * raw[:, 0], scale * learned_scale(params, options.min_sigma))

    n = len(columns)
    return Part(1, np.zeros((n, 1)), {"log_sigma": np.full(n, np.log(options.sigma))}, apply)


def _with_scale_of_z(columns: Columns, options: Options, family: Callable[..., dist.Distribution]) -> Part:
    center, scale = units(columns)

    def apply(params: Params, raw: Float[Array, "n w"]) -> dist.Distribution:
        sigma = jnp.exp(bounded(raw[:, 1], options.min_sigma))
        return family(center + scale * raw[:, 0], scale * sigma)

    start = np.tile([0.0, unbounded(options.sigma, options.min_sigma)], (len(columns), 1))
    return Part(2, start, {}, apply)
