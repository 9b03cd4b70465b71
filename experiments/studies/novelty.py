"""Likelihoods as novelty scores: a model of clothes finds digits likelier than clothes, and what corrects that."""

import functools
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

from vaex import data, evaluate, objectives
from vaex.model import Model
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.models.vae import VAE
from vaex.networks import MLP
from vaex.train import Recipe, init_state, train_epoch

_LATENT_DIM, _NUM_TRAIN, _NUM_TEST, _KEY = 20, 20_000, 500, jax.random.key(0)
_OWN, _OTHER, _NOISE = "Fashion-MNIST, test", "MNIST", "noise"


def binarize(key: Any, images: Any) -> jax.Array:
    """Pixels drawn with their grey level as the probability of 1."""
    return jax.random.bernoulli(key, images / 255).astype(jnp.float32)


def flat(images: np.ndarray, num: int) -> jax.Array:
    """The first images as vectors."""
    return jnp.asarray(images[:num].reshape(num, -1))


def trained(*, num_epochs: int = 20) -> Model:
    """A VAE of binarized Fashion-MNIST, 784-200-20 and its mirror."""
    vae = VAE((784,), MLP((200,), (2 * _LATENT_DIM,)), MLP((200,), (784,)), standard_normal(_LATENT_DIM),
              diagonal_normal(), bernoulli())  # fmt: skip
    images = flat(data.load("fashion_mnist").train.images, _NUM_TRAIN)
    recipe = Recipe(vae.bind, objectives.batch_loss(objectives.stl), optax.adam(1e-3), binarize)
    epoch = functools.partial(train_epoch, recipe=recipe, batch_size=100)

    @jax.jit
    def run(key: Any) -> Any:
        state = init_state(vae.init(key), recipe.optimizer)
        return jax.lax.scan(lambda s, _: (epoch(s, key, images)[0], None), state, length=num_epochs)[0].params

    return vae.bind(run(_KEY))


def sets() -> dict[str, np.ndarray]:
    """Binarized images of what the model knows, of another data set, and of fair coins."""
    own, other = (flat(data.load(name).test.images, _NUM_TEST) for name in ("fashion_mnist", "mnist"))
    keys = jax.random.split(jax.random.key(1), 3)
    found = {_OWN: binarize(keys[0], own), _OTHER: binarize(keys[1], other)}
    found[_NOISE] = jax.random.bernoulli(keys[2], 0.5, own.shape).astype(jnp.float32)
    return {name: np.asarray(x) for name, x in found.items()}


def complexity(x: np.ndarray) -> np.ndarray:
    """The size of each image compressed by zlib, as PNG does it, in nats."""
    sizes = [len(zlib.compress(np.packbits(one.astype(bool)).tobytes(), 9)) for one in x]
    return np.array(sizes) * 8 * np.log(2)


def scores(model: Model, images: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Of each set of images -log p(x) by L_100, and the same less the complexity, in nats: higher is more novel.

    Source: Serra et al. 2020, input complexity.
    """
    one = lambda key, x: evaluate.log_likelihood(key, model, x, num_samples=100, chunk_size=100)
    log_px = evaluate.compiled(one)
    plain = {name: -evaluate.in_chunks(log_px, _KEY, x, chunk_size=50) for name, x in images.items()}
    corrected = {name: nats - complexity(images[name]) for name, nats in plain.items()}
    return {"-log p(x)": plain, "-log p(x) less the compressed size": corrected}


def novelty_figure() -> tuple[Figure, list[str]]:
    """Both scores of three sets of images, their ROC curves, and the areas beneath."""
    from sklearn.metrics import roc_auc_score, roc_curve

    found = scores(trained(), sets())
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    *panels, roc = figure.subplots(1, 3)
    lines = []
    for axes, (name, of_sets) in zip(panels, found.items(), strict=True):
        for of, values in of_sets.items():
            axes.hist(values, bins=40, density=True, alpha=0.6, label=of)
            lines.append(f"{name} of {of}: {values.mean():.1f} nats")
        axes.set(xlabel=f"{name}, nats", ylabel="density")
        own = of_sets[_OWN]
        for other in (_OTHER, _NOISE):
            both = np.concatenate([own, of_sets[other]])
            is_novel = np.arange(len(both)) >= len(own)
            area = roc_auc_score(is_novel, both)
            roc.plot(*roc_curve(is_novel, both)[:2], label=f"{name}, {other}: {area:.3f}")
            lines.append(f"area under the ROC curve of {other} by {name}: {area:.3f}")
    roc.set(xlabel="clothes taken for novel", ylabel="novel images found")
    for axes, place in zip((*panels, roc), ("best", "best", "lower right"), strict=True):
        axes.legend(frameon=False, fontsize=6, loc=place)
    return figure, lines
