"""The figures of a trained model, by their names: (key, trial) -> a figure, or None where it shows nothing."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray
from matplotlib.figure import Figure

from vaex.distributions.abilities import draws_of_components, own_mean
from vaex.distributions.labelled import LabelledLatent
from vaex.distributions.masked import filled
from vaex.distributions.stacked import Generated, StackedLatent
from vaex.distributions.supports import nearest
from vaex.evaluate.clusters import clusters_of_prior
from vaex.evaluate.imputation import impute, truth
from vaex.evaluate.trial import Trial, reconstruct
from vaex.figures import completions, plane, plots
from vaex.figures.charts import chart
from vaex.figures.grids import image_grid, interleaved
from vaex.figures.round_trips import round_trips
from vaex.figures.vectors import decoded, vectors
from vaex.inference import imputation
from vaex.model import Example, at, first, num_examples, split

_SHOWN, _DRAWS = 10, 4  # examples in a figure of imputations, and draws of what is missing of each


def reconstructions(key: PRNGKeyArray, trial: Trial) -> Figure:
    """What is observed of each example above its reconstruction, under its condition where it has one."""

    @jax.jit
    @jax.vmap
    def draw(k: PRNGKeyArray, example: Example) -> tuple[Example, Array]:
        now, seen = at(trial.model, example)
        return seen, own_mean(now.decode(now.encode(seen).sample(k)))

    shown = first(trial.x, 48)
    seen, means = draw(jax.random.split(key, num_examples(shown)), shown)
    return plots.reconstructions(np.asarray(filled(seen, 0.5)), np.asarray(means))


def samples(key: PRNGKeyArray, trial: Trial) -> Figure | None:
    """E[p(x|z)] for draws z ~ p(z); none where each draw is under a condition."""
    if split(trial.x)[1] is not None:
        return None
    draw = jax.jit(lambda key: trial.model.prior.sample(key, (100,)))
    return of_samples(decoded(trial, draw(key)))


def of_samples(means: np.ndarray, *, labels: int = 0) -> Figure:
    """E[p(x|z)] for draws z ~ p(z), [N, H, W, C]; of draws under each of some labels in turn, a column for each."""
    columns = min(labels, len(means)) or max(1, round(len(means) ** 0.5))
    names = [str(label) for label in range(columns)] if labels else []
    return image_grid(means, columns=columns, title="E[p(x|z)], z drawn from the prior", column_names=names)


def manifold(key: PRNGKeyArray, trial: Trial) -> Figure | None:
    """The images on a grid, where a plane has all latents; of more, a row for each of the most active, from -3 to 3."""
    means = vectors(key, trial)
    if means is None:
        return None
    if (found := chart(trial.model.prior, means.shape[-1])) is not None:
        return image_grid(decoded(trial, jnp.asarray(found.grid(20))), columns=20, title=f"E[p(x|z)], {found.where}")
    dims = [int(d) for d in np.argsort(-means.var(axis=0))[:10]]
    z = jnp.asarray(plots.traversal_points(means[0], dims))
    to = "" if nearest(trial.model.prior, z) is z else " before z is put on the sphere"
    title = f"one latent a row, from -3 to 3{to}, the most active first"
    return image_grid(decoded(trial, z), columns=11, title=title, row_names=[f"$z_{{{dim + 1}}}$" for dim in dims])


def interpolations(key: PRNGKeyArray, trial: Trial, *, steps: int = 11) -> Figure | None:
    """E[p(x|z)] on the line between the posterior means of two test images, a pair a row; none of one image."""
    means = vectors(key, trial)
    if means is None or len(means) < 2:
        return None
    starts, ends = means[0:16:2], means[1:16:2]
    starts = starts[: len(ends)]
    share = np.linspace(0, 1, steps, dtype=np.float32)[None, :, None]
    z = (1 - share) * starts[:, None] + share * ends[:, None]  # [pair, step, d]
    title = "E[p(x|z)], z on the line between the posterior means of two test images"
    return image_grid(decoded(trial, jnp.asarray(z.reshape(-1, z.shape[-1]))), columns=steps, title=title)


def latent(key: PRNGKeyArray, trial: Trial) -> Figure | None:
    """Posterior means where a plane has all latents, coloured by label; none of more."""
    means = vectors(key, trial)
    if means is None or (found := chart(trial.model.prior, means.shape[-1])) is None:
        return None
    return plots.latent_scatter(found.place(means), trial.dataset.test.labels, axes_names=found.axes)


def autoencoded(key: PRNGKeyArray, trial: Trial) -> Figure:
    """Test examples, what the encoder saw of them where that is less, and their reconstructions."""
    columns = 12
    shown = first(trial.x, 2 * columns)
    mean = jax.jit(jax.vmap(lambda example: own_mean(reconstruct(trial.model, example)[1])))
    x, corrupted = split(shown)
    is_corrupted = corrupted is not None
    parts = [x, *((corrupted,) if is_corrupted else ()), mean(shown)]
    rows = interleaved([np.asarray(part) for part in parts], columns=columns)
    title = f"test images, below each {'what the encoder sees, and ' if is_corrupted else ''}its reconstruction"
    return image_grid(rows, columns=min(columns, len(parts[0])), title=title)


def analogies(key: PRNGKeyArray, trial: Trial) -> Figure:
    """Test images, and beside each its style under every label: E[p(x|y, z)], z the mean of q(z|x, y).

    Source: the analogies of Kingma, Rezende, Mohamed and Welling 2014, figure 1, by M2 or M1+M2.
    """
    model = trial.model
    stacked = isinstance(model.prior, Generated)

    @jax.jit
    @jax.vmap
    def row(one: Example) -> Array:
        q: Any = model.encode(one)
        q = q.above(q.below.mean) if stacked else q
        style = q.at(q.label.mean).mean

        def under(y: Array) -> Array:
            z = LabelledLatent(y, style)
            if stacked:
                z = StackedLatent(model.prior.model.decode(z).mean, z)
            return model.decode(z).mean

        return jnp.concatenate([filled(one, 0.5)[None], jax.vmap(under)(jnp.eye(len(q.label.mean)))])

    rows = np.asarray(row(first(trial.x, 10)))
    title = "test images, and beside each its style under every label"
    names = ["x", *map(str, range(rows.shape[1] - 1))]
    return image_grid(rows.reshape(-1, *rows.shape[2:]), columns=len(names), title=title, column_names=names)


def components(key: PRNGKeyArray, trial: Trial, *, columns: int = 12) -> Figure | None:
    """E[p(x|z)] for draws z of each cluster of a mixture prior, a cluster a row, the heaviest first."""
    if split(trial.x)[1] is not None or (found := draws_of_components(trial.model.prior)) is None:
        return None
    draw_key, choice_key = jax.random.split(key)
    log_w, draw = found
    cluster_of = clusters_of_prior(trial)
    log_w_in = jnp.where(cluster_of == jnp.unique(cluster_of)[:, None], log_w, -jnp.inf)  # [cluster, component]
    weights = jnp.sum(jnp.exp(log_w_in), axis=1)
    heaviest_first = jnp.argsort(-weights)
    which = jax.random.categorical(choice_key, log_w_in[heaviest_first, None], shape=(len(weights), columns))
    z = draw(draw_key, columns)[which, jnp.arange(columns)]  # [cluster, column, d]
    title = "E[p(x|z)], z drawn from p(z|c): a cluster c a row, the heaviest first"
    names = [f"{100 * w:.0f}%" for w in np.asarray(weights[heaviest_first])]
    return image_grid(decoded(trial, z.reshape(-1, z.shape[-1])), columns=columns, title=title, row_names=names)


def imputations(key: PRNGKeyArray, trial: Trial) -> Figure:
    """What is observed of test examples, the conditional mean, draws of what is missing, and the truth."""
    single_key, multiple_key = jax.random.split(key)
    few = first(trial.x, _SHOWN)
    images = truth(trial, _SHOWN)
    draw = jax.jit(jax.vmap(lambda k, one: imputation.multiple(k, *at(trial.model, one), num_draws=_DRAWS)))
    draws = np.asarray(draw(jax.random.split(multiple_key, len(images)), few))
    rows = np.stack([split(few)[0].filled(0.5), impute(single_key, trial, few), *np.moveaxis(draws, 1, 0), images])
    title = f"from above: observed, the conditional mean, {_DRAWS} draws of what is missing, the truth"
    names = ["x$_{obs}$", "mean", *["draw"] * _DRAWS, "x"]
    return image_grid(rows.reshape(-1, *images.shape[1:]), columns=len(images), title=title, row_names=names)


FIGURES: dict[str, Callable[[PRNGKeyArray, Trial], Figure | None]] = {
    "reconstructions": reconstructions,
    "samples": samples,
    "manifold": manifold,
    "latent": latent,
    "interpolations": interpolations,
    "autoencoded": autoencoded,
    "analogies": analogies,
    "components": components,
    "imputations": imputations,
    "samples_by_label": completions.samples_by_label,
    "enlargements": completions.enlargements,
    "completions": completions.completions,
    "roll_outs": completions.roll_outs,
    "density": plane.density,
    "round_trips": round_trips,
}
