"""What half of an image's pixels say of the others: importance sampling and two chains side by side."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from matplotlib.figure import Figure

from vaex.choices import find
from vaex.config.keys import TEST_KEY
from vaex.distributions.masked import Masked
from vaex.errors import check_whole
from vaex.evaluate import compiled, in_chunks
from vaex.inference import importance, iterate
from vaex.inference.missing import metropolis_within_gibbs, pseudo_gibbs
from vaex.model import Example, Latent, Model, first
from vaex.models.missing import partially_observed
from vaex.runs import commands
from vaex.runs.load import load

from ._trained import run_of, with_test_images

Draws = tuple[Latent, Float[Array, " k"]]  # of z given what is observed, and the logarithms of their shares


class Found(NamedTuple):
    """What is known of what is missing, of each example."""

    squared_error: Float[Array, "*batch"]  # of the conditional mean, averaged over what is missing
    log_density: Float[Array, "*batch"]  # of the truth, log p(x_m|x_o), nats for each missing value


def by_importance(key: PRNGKeyArray, model: Model, x: Masked, num_draws: int) -> Draws:
    """Draws from q(z|x_o) with their weights."""
    draws = importance(key, model, x, num_samples=num_draws)
    return draws.z, jax.nn.log_softmax(draws.log_w)


def by_chain(key: PRNGKeyArray, model: Model, x: Masked, num_draws: int, *, is_tested: bool) -> Draws:
    """A chain of as many steps, the first tenth of which is left out."""
    method = metropolis_within_gibbs() if is_tested else pseudo_gibbs()
    start_key, warm_key, key = jax.random.split(key, 3)
    num_warmup = num_draws // 10
    state, _ = iterate(warm_key, method, method.init(start_key, model, x), num_steps=num_warmup)

    def step(state, key: PRNGKeyArray):
        state, _ = method.step(key, state)
        return state, state.z

    count = num_draws - num_warmup
    _, z = jax.lax.scan(step, state, jax.random.split(key, count))
    return z, jnp.full(count, -jnp.log(count))


WAYS: dict[str, Callable[[PRNGKeyArray, Model, Masked, int], Draws]] = {
    "importance sampling": by_importance,
    "pseudo-Gibbs": lambda *args: by_chain(*args, is_tested=False),
    "Metropolis within Gibbs": lambda *args: by_chain(*args, is_tested=True),
}


def predicted(model: Model, x: Masked, truth: Float[Array, "..."], draws: Draws) -> Found:
    """How well draws of z say what is missing.

    E[x_m|x_o] ~ sum_k s_k E[x_m|z_k],   p(x_m|x_o) ~ sum_k s_k p(x_m|z_k)

    Args:
        model: a model of Masked examples.
        x: one of them.
        truth: the whole example, of which x has what is observed alone.
        draws: the z_k and log s_k.
    """
    hidden = Masked(truth, ~x.mask)

    def one(z_k: Latent) -> tuple[Array, Array]:
        p = model.decode(z_k)
        return p.mean, p.log_prob(hidden)  # pyright: ignore[reportAttributeAccessIssue]

    def add(sums: tuple[Array, Array], draw: Draws) -> tuple[tuple[Array, Array], None]:
        mean, log_p = one(draw[0])
        return (sums[0] + jnp.exp(draw[1]) * mean, jnp.logaddexp(sums[1], draw[1] + log_p)), None

    (mean, log_density), _ = jax.lax.scan(add, (jnp.zeros(truth.shape), jnp.array(-jnp.inf)), draws)
    count = jnp.sum(hidden.mask)
    return Found(jnp.sum((mean - truth) ** 2 * hidden.mask) / count, log_density / count)


def half_hidden(experiment: str, num_images: int) -> tuple[Model, Masked, Example]:
    """A model of whole images, whose encoder gets zeros for what is hidden, and half of each test image."""
    model, whole = with_test_images(experiment, num_images)
    mask = jax.random.bernoulli(jax.random.fold_in(jax.random.key(0), TEST_KEY), 0.5, whole.shape)
    return partially_observed(model), Masked(jnp.where(mask, whole, 0.0), mask), whole


def never_seen(experiment: str, num_images: int) -> tuple[Model, Masked, Example]:
    """A model that was trained on such halves, and of each test image what it is tested with."""
    path = run_of(experiment)
    task, model = commands.open_task(path), load(path).bind()
    some = first(task.dataset.test, num_images)
    x = task.examples.observe(jax.random.split(jax.random.key(0))[0], some)
    return model, x, (some.images + np.float32(0.5)) / 256


EXPERIMENTS = {"mnist_bernoulli": half_hidden, "mnist_missing": never_seen}


def missing_figure(
    *, experiment: str = "mnist_bernoulli", num_images: int = 100, num_draws: int = 1000
) -> tuple[Figure, list[str]]:
    """Both by the number of draws, each a decoding, and lines with those of all draws."""
    see = find(EXPERIMENTS, experiment, "experiment")
    check_whole(2, num_images=num_images)
    check_whole(10, num_draws=num_draws)
    model, x, whole = see(experiment, num_images)
    key = jax.random.key(1)
    counts = [n for n in (10, 30, 100, 300, 1000, 3000, 10_000) if n < num_draws] + [num_draws]
    figure, lines = Figure(figsize=(8, 3.4), layout="constrained"), []
    left, right = figure.subplots(1, 2)
    for name, way in WAYS.items():
        found = []
        for count in counts:
            one = lambda key, pair, way=way, n=count: predicted(model, pair[0], pair[1], way(key, model, pair[0], n))
            found.append(in_chunks(compiled(one), key, (x, whole), chunk_size=20))
        left.plot(counts, [np.sqrt(f.squared_error.mean()) for f in found], marker="o", label=name)
        right.plot(counts, [f.log_density.mean() for f in found], marker="o")
        last, root = found[-1], len(found[-1].log_density) ** 0.5
        lines.append(
            f"{name}, {num_draws} draws: RMSE {np.sqrt(last.squared_error.mean()):.4f}, log p(x_m|x_o) of the truth "
            f"{last.log_density.mean():.4f} ± {last.log_density.std(ddof=1) / root:.4f} nats for each missing pixel"
        )
    left.set(xlabel="draws of z", ylabel="RMSE of the missing pixels", xscale="log")
    right.set(xlabel="draws of z", ylabel="log p(x_m|x_o) of the truth, nats a pixel", xscale="log")
    figure.legend(loc="outside upper center", ncols=len(WAYS), frameon=False)
    return figure, lines
