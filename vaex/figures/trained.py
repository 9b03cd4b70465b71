"""The figures of a run: what a trained model makes of data and of its latent space."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray
from matplotlib.figure import Figure

from vaex import evaluate
from vaex.distributions.labelled import LabelledLatent
from vaex.distributions.masked import Masked
from vaex.distributions.stacked import Generated, StackedLatent
from vaex.evaluate.reconstruction import reconstruct
from vaex.figures import plots
from vaex.model import Conditional, Given, Model, Params, at


def of_model(
    key: PRNGKeyArray, bind: Callable[[Params], Model | Conditional], params: Params, x: Any, labels: np.ndarray
) -> Iterator[tuple[str, Figure]]:
    """The figures of a trained model: reconstructions, samples, and the latent space.

    Args:
        key: a PRNG key.
        bind: params -> Model.
        params: the parameters.
        x: test examples; their labels beside them, -1 where there are none.
        labels: [N].

    Returns:
        Pairs of a name and a figure.
    """
    model = bind(params)
    encode_key, sample_key, mean_key = jax.random.split(key, 3)
    if isinstance(model, Conditional):
        yield "reconstructions", _of_conditional(encode_key, model, jax.tree.map(lambda a: a[:48], x))
        return
    decode = jax.jit(jax.vmap(lambda z: model.decode(z).mean))  # pyright: ignore[reportAttributeAccessIssue]
    shown = jax.tree.map(lambda a: a[:48], x)
    images = shown.filled(0.5) if isinstance(shown, Masked) else shown
    z = jax.vmap(lambda k, one: model.encode(one).sample(k))(jax.random.split(encode_key, len(images)), shown)
    yield "reconstructions", plots.reconstructions(np.asarray(images), np.asarray(decode(z)))
    yield "samples", samples(np.asarray(decode(model.prior.sample(sample_key, (100,)))))
    if not isinstance(z, jax.Array) or z.ndim != 2:
        return  # what follows moves along the axes of one vector
    mean = jax.jit(
        lambda x: evaluate.map_examples(
            lambda k, one: evaluate.posterior_mean(k, model.encode(one)), mean_key, x, batch_size=250
        )
    )
    means = np.asarray(mean(x))
    if means.shape[-1] == 2:
        grid = decode(jnp.asarray(plots.manifold_grid(20)))
        yield (
            "manifold",
            plots.image_grid(np.asarray(grid), columns=20, title="E[p(x|z)], z on the inverse normal CDF of a grid"),
        )
        yield "latent", plots.latent_scatter(means, labels)
    else:
        dims = [int(d) for d in np.argsort(-means.var(axis=0))[:10]]
        points = decode(jnp.asarray(plots.traversal_points(means[0], dims)))
        title = f"one latent a row, from -3 to 3, the most active first: {', '.join(map(str, dims))}"
        yield "traversals", plots.image_grid(np.asarray(points), columns=11, title=title)


def of_autoencoder(bind: Callable[[Params], Model | Conditional], params: Params, x: Any) -> Figure:
    """Test examples, what the encoder saw of them where that is less, and their reconstructions.

    Args:
        bind: params -> Model, or Conditional of a denoising autoencoder.
        params: the parameters.
        x: test examples, or Given(x, corrupted).
    """
    model = bind(params)

    @jax.jit
    @jax.vmap
    def mean(example: Any) -> Array:
        return reconstruct(model, example)[1].mean

    columns = 12
    shown = jax.tree.map(lambda a: a[: 2 * columns], x)
    seen = (shown.x, shown.condition) if isinstance(shown, Given) else (shown,)
    parts = [*seen, mean(shown)]
    rows = [part[i : i + columns] for i in range(0, len(parts[0]), columns) for part in parts]
    title = f"test images, below each {'what the encoder sees, and ' if len(seen) == 2 else ''}its reconstruction"
    return plots.image_grid(np.concatenate(rows), columns=min(columns, len(parts[0])), title=title)


def _of_conditional(key: PRNGKeyArray, model: Conditional, examples: Any) -> Figure:
    """What is observed of each example above its reconstruction under its condition."""

    @jax.jit
    @jax.vmap
    def reconstruct(k: PRNGKeyArray, example: Any) -> tuple[Array, Array]:
        now, seen = at(model, example)
        return seen, now.decode(now.encode(seen).sample(k)).mean  # pyright: ignore[reportAttributeAccessIssue]

    seen, means = reconstruct(jax.random.split(key, len(examples.x)), examples)
    return plots.reconstructions(np.asarray(seen), np.asarray(means))


def analogies(model: Model, x: Array) -> Figure:
    """Test images, [N, H, W, C], and beside each its style under every label: E[p(x|y, z)], z the mean of q(z|x, y).

    Source: the analogies of Kingma, Rezende, Mohamed and Welling 2014, figure 1, by M2 or M1+M2.
    """
    stacked = isinstance(model.prior, Generated)

    @jax.jit
    @jax.vmap
    def row(one: Array) -> Array:
        q: Any = model.encode(one)
        q = q.above(q.below.mean) if stacked else q
        style = q.at(q.label.mean).mean

        def under(y: Array) -> Array:
            latent = LabelledLatent(y, style)
            if isinstance(model.prior, Generated):
                latent = StackedLatent(model.prior.model.decode(latent).mean, latent)  # pyright: ignore[reportAttributeAccessIssue]
            return model.decode(latent).mean  # pyright: ignore[reportAttributeAccessIssue]

        return jnp.concatenate([one[None], jax.vmap(under)(jnp.eye(len(q.label.mean)))])

    rows = np.asarray(row(x))
    title = "test images, and beside each its style under every label"
    return plots.image_grid(rows.reshape(-1, *rows.shape[2:]), columns=rows.shape[1], title=title)


def components(key: PRNGKeyArray, model: Model, *, columns: int = 12) -> Figure:
    """E[p(x|z)] for draws z of each component of a mixture prior, a component a row, the heaviest first."""
    prior: Any = model.prior
    heaviest_first = jnp.argsort(-prior.logits)
    mean, scale = prior.mean_of_components[heaviest_first, None], jnp.exp(0.5 * prior.log_var[heaviest_first, None])
    z = mean + scale * jax.random.normal(key, (len(mean), columns, mean.shape[-1]))  # [component, column, d]
    decode = jax.jit(jax.vmap(lambda z: model.decode(z).mean))  # pyright: ignore[reportAttributeAccessIssue]
    means = np.asarray(decode(z.reshape(-1, z.shape[-1])))
    title = "E[p(x|z)], z drawn from p(z|c): a component c a row, the heaviest first"
    return plots.image_grid(means, columns=columns, title=title)


def samples(means: np.ndarray) -> Figure:
    """E[p(x|z)] for draws z ~ p(z), [N, H, W, C]."""
    columns = max(1, round(len(means) ** 0.5))
    return plots.image_grid(means, columns=columns, title="E[p(x|z)], z drawn from the prior")
