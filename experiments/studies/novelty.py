"""Likelihoods as novelty scores: a model of clothes finds digits likelier than clothes, and what corrects that."""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from vaex import data, evaluate
from vaex.model import Model

from ._vae import KEY, binarize, flat, trained_vae

_LATENT_DIM, _NUM_TRAIN, _NUM_TEST = 20, 20_000, 500
_OWN, _OTHER, _NOISE = "Fashion-MNIST, test", "MNIST", "noise"


def trained(*, num_epochs: int = 20) -> Model:
    """A VAE of binarized Fashion-MNIST, 784-200-20 and its mirror."""
    images = flat(data.load("fashion_mnist").train.images, _NUM_TRAIN)
    options = {"learning_rate": 1e-3, "batch_size": 100, "num_epochs": num_epochs}
    return trained_vae(images, latent_dim=_LATENT_DIM, hidden=200, **options)


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
    plain = {name: -evaluate.in_chunks(log_px, KEY, x, chunk_size=50) for name, x in images.items()}
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
