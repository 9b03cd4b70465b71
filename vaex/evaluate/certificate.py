"""How well log p(x) of a model is known: importance-weighted bounds, annealed chains, and chains back from above."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from vaex import bounds
from vaex.distributions.masked import draw_like
from vaex.errors import check_whole
from vaex.evaluate.chunks import compiled, in_chunks
from vaex.inference import ais
from vaex.inference.importance import Weighted
from vaex.inference.target import STARTS
from vaex.model import AnyModel, Example, Latent, Model, at, first, num_examples
from vaex.objectives import sample_weights
from vaex.objectives.encode import encode

TRUSTED = 0.7  # Pareto k above which weights are not to be trusted
REPORTED = 5000  # K of the bound that is reported of models
_TUNED_ON, _CHUNK = 20, 500  # images, and draws at a time


class Lower(NamedTuple):
    """What is below log p(x) on average, of each image in nats, and how far it is to be trusted."""

    log_likelihood: Float[Array, "*batch k"]  # L_K for each K
    effective_sample_size: Float[Array, "*batch"]  # of the first 5,000 draws from q(z|x)
    pareto_k: Float[Array, "*batch"]  # of their weights
    annealed: Float[Array, "*batch"]  # from q(z|x)
    standard_error: Float[Array, "*batch"]  # of annealed, by its chains
    annealed_from_prior: Float[Array, "*batch"]
    acceptance_rate: Float[Array, "*batch"]  # of the chains from q(z|x)


class Certificate(NamedTuple):
    """Of each image of a test, and of as many that the model drew itself; means are over images."""

    counts: tuple[int, ...]  # each K
    test: Lower
    drawn: Lower
    upper: Float[np.ndarray, " n"]  # of drawn images, above log p(x) on average
    examples: Example  # those drawn

    @property
    def interval(self) -> tuple[float, float]:
        """That of the drawn images' mean log p(x): annealed chains', and the reverse ones', 2 standard errors outward.

        Of the upper end the error is that of the differences between both, which has in it what one draw of z for each
        image does.
        """
        apart = self.upper - self.drawn.annealed
        error = apart.std(ddof=1) / len(apart) ** 0.5
        return lower_end(self.drawn), float(self.upper.mean() + 2 * error)

    @property
    def width(self) -> float:
        """Of the interval; on test images it is an indication."""
        low, high = self.interval
        return high - low

    @property
    def not_to_be_trusted(self) -> np.ndarray:
        """The test images whose importance weights have a tail too heavy for L_5000."""
        return np.flatnonzero(~(np.asarray(self.test.pareto_k) <= TRUSTED))


def certificate(
    key: PRNGKeyArray,
    model: AnyModel,
    examples: Example,
    *,
    others: Example | None = None,
    num_temperatures: int = 400,
    num_chains: int = 16,
    num_samples: int = 100_000,
    num_leapfrog: int = ais.NUM_LEAPFROG,
    chunk_size: int = 20,
) -> Certificate:
    """Bidirectional Monte Carlo: log p(x) of images that the model drew, from below and from above, beside test images.

    L_K <= log p(x),   AIS <= log p(x) <= reverse AIS,   each in expectation

    Chains back need a draw from p(z|x), which is there where x ~ p(x|z), z ~ p(z): so the interval is of drawn images.

    Args:
        key: a PRNG key.
        model: a model; discrete latents that have a list of their values too.
        examples: of the test, [N, ...], N at least 2; of a Conditional model Given.
        others: on which the schedules are found; unset, 20 more that the model draws.
        num_temperatures: of a chain.
        num_chains: of each image and each direction, at least 2.
        num_samples: the largest K.
        num_leapfrog: gradients a move.
        chunk_size: images at a time.

    Returns:
        The certificate, numpy arrays.

    Raises:
        OptionError: a number out of its range.
        UsageError: a model without latents, or whose discrete latents have no list of their values; a Conditional one
            without conditions.

    Source: Grosse, Ghahramani and Adams 2015; Wu, Burda, Salakhutdinov and Grosse 2017.
    """
    check_whole(num_samples=num_samples)
    check_whole(2, num_chains=num_chains, num_examples=num_examples(examples))
    draw_key, other_key, tune_key, test_key, lower_key, upper_key = jax.random.split(key, 6)
    paths = {"num_chains": num_chains, "num_leapfrog": num_leapfrog}
    draw = compiled(lambda key, x: drawn(key, model, x))
    if others is None:
        some = first(examples, _TUNED_ON)
        others, _ = in_chunks(draw, other_key, some, chunk_size=chunk_size)
    tune = {"num_temperatures": num_temperatures, **paths}
    schedules = tuple(ais.find_schedule(tune_key, model, others, start=start, **tune) for start in STARTS)
    counts = tuple(
        sorted({10**i for i in range(10) if 10**i <= num_samples} | {min(REPORTED, num_samples), num_samples})
    )

    of_lower = compiled(lambda key, x, s: lower(key, model, x, s, counts=counts, num_samples=num_samples, **paths))
    back = lambda key, pair, s: ais.upper_bound(ais.reverse(key, model, *pair, schedule=s, **paths))
    pairs = in_chunks(draw, draw_key, examples, chunk_size=chunk_size)
    return Certificate(
        counts,
        in_chunks(of_lower, test_key, examples, schedules, chunk_size=chunk_size),
        in_chunks(of_lower, lower_key, pairs[0], schedules, chunk_size=chunk_size),
        in_chunks(compiled(back), upper_key, pairs, schedules[0], chunk_size=chunk_size),
        pairs[0],
    )


def lower(
    key: PRNGKeyArray,
    model: AnyModel,
    x: Example,
    schedules: tuple[ais.Schedule, ais.Schedule],
    *,
    counts: tuple[int, ...],
    num_samples: int,
    **paths: int,
) -> Lower:
    """The lower bounds on log p(x) of one example, by the schedules from q(z|x) and from p(z)."""
    weigh_key, *keys = jax.random.split(key, 3)
    log_w = log_weights_of(weigh_key, *at(model, x), num_samples)
    some = Weighted(None, log_w[:REPORTED])
    (here, info), (there, _) = (
        ais.chains(k, model, x, schedule=schedule, start=start, **paths)
        for k, schedule, start in zip(keys, schedules, STARTS, strict=True)
    )
    found = Weighted(None, here.log_w)
    l_k = jnp.stack([_averaged(log_w, k) for k in counts])
    rate = jnp.mean(info.acceptance_rate)
    from_prior = bounds.iwae(there.log_w)
    size, tail = some.effective_sample_size, some.pareto_k
    return Lower(l_k, size, tail, found.log_likelihood, found.standard_error, from_prior, rate)


def drawn(key: PRNGKeyArray, model: AnyModel, example: Example) -> tuple[Example, Latent]:
    """An example like one that is given, under its condition and with as much of it missing, and the exact z of it."""
    now, x = at(model, example)
    encode(now, x)  # which says what is no model with latents
    z_key, x_key = jax.random.split(key)
    z = now.prior.sample(z_key)
    return draw_like(x_key, now.decode(z), example), z


def log_weights_of(key: PRNGKeyArray, model: Model, x: Example, num_samples: int) -> Float[Array, " k"]:
    """The log-weights of K draws from q(z|x), in the memory of 500."""
    size = min(_CHUNK, num_samples)
    q = encode(model, x)
    one = lambda i: sample_weights(jax.random.fold_in(key, i), model, x, q, size).log_w
    return jax.lax.map(one, jnp.arange(-(-num_samples // size))).reshape(-1)[:num_samples]


def lower_end(found: Lower) -> float:
    """The mean of annealed chains', less 2 standard errors."""
    error = np.sqrt(np.sum(np.square(found.standard_error))) / len(found.standard_error)
    return float(np.mean(found.annealed) - 2 * error)


def _averaged(log_w: Float[Array, " n"], count: int) -> Float[Array, ""]:
    """L_K, its average over as many tuples of K draws as there are."""
    return jnp.mean(jax.vmap(bounds.iwae)(log_w[: len(log_w) // count * count].reshape(-1, count)))
