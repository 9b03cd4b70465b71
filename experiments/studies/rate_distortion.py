"""What beta buys: the rate and the distortion of beta-VAEs, one network for each beta, on images that none has seen."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from vaex import data, evaluate, objectives
from vaex.choices import find
from vaex.errors import check_whole
from vaex.train import Recipe, init_state, train_epoch

from ._vae import KEY, TRAIN_KEY, binarize, flat, small_vae

_BETAS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_SIZES = {"digits": (8, 64), "mnist": (20, 200)}  # latents, and hidden units of the encoder and of its mirror


class Traded(NamedTuple):
    """Of each beta, nats an image."""

    rate: Float[np.ndarray, " b"]  # E[KL(q(z|x) || p(z))]
    distortion: Float[np.ndarray, " b"]  # -E[log p(x|z)]


def trade(
    images: Float[Array, "n d"],
    test: Float[Array, "m d"],
    betas: tuple[float, ...] = _BETAS,
    *,
    latent_dim: int,
    hidden: int,
    num_epochs: int,
    batch_size: int,
) -> Traded:
    """Train beta-VAEs of grey levels up to 255 from the same start, one after another in one program."""
    vae = small_vae(images.shape[1], latent_dim=latent_dim, hidden=hidden)
    (init_key, key), (pixel_key, test_key) = jax.random.split(TRAIN_KEY), jax.random.split(KEY)

    def one(beta: Array) -> tuple[Array, Array]:
        loss = objectives.batch_loss(objectives.elbo, beta=beta)
        recipe = Recipe(vae.bind, loss, optax.adam(2e-3), binarize)
        epoch = lambda state, _: (train_epoch(state, key, images, recipe=recipe, batch_size=batch_size)[0], None)
        state = jax.lax.scan(epoch, init_state(vae.init(init_key), recipe.optimizer), length=num_epochs)[0]
        model = vae.bind(state.params)
        score = lambda k, x: evaluate.elbo(k, model, x, num_samples=10)
        terms = evaluate.map_examples(score, test_key, binarize(pixel_key, test), batch_size=500)
        return jnp.mean(terms.kl), -jnp.mean(terms.log_px_z)

    return Traded(*map(np.asarray, jax.jit(lambda betas: jax.lax.map(one, betas))(jnp.array(betas))))


def slopes(betas: tuple[float, ...], traded: Traded) -> list[tuple[float, float]]:
    """(geometric mean of two betas, -dD/dR between them); without those whose latents are both unused."""
    pairs = zip(betas, betas[1:], -np.diff(traded.distortion), np.diff(traded.rate), strict=False)
    return [((low * high) ** 0.5, float(rise / step)) for low, high, rise, step in pairs if abs(step) > 0.05]


def without_latents(images: np.ndarray, test: np.ndarray) -> float:
    """The distortion at the rate 0, where pixels are independent: with the training images' means, nats an image.

    -sum_j (m_j log p_j + (1 - m_j) log(1 - p_j)),   m_j of the test images
    """
    p = np.clip(np.asarray(images, float).mean(axis=0) / 255, 1e-4, 1 - 1e-4)
    m = np.asarray(test, float).mean(axis=0) / 255
    return float(-np.sum(m * np.log(p) + (1 - m) * np.log1p(-p)))


def rate_distortion_figure(*, dataset: str = "digits", num_epochs: int = 40) -> tuple[Figure, list[str]]:
    """The curve, and its corners: R + D = -ELBO, which no beta makes smaller than 1 does."""
    latent_dim, hidden = find(_SIZES, dataset, "dataset")
    check_whole(num_epochs=num_epochs)
    found = data.load(dataset)
    images, test = flat(found.train.images), flat(found.test.images)
    batch_size = 50 if dataset == "digits" else 200
    traded = trade(images, test, num_epochs=num_epochs, latent_dim=latent_dim, hidden=hidden, batch_size=batch_size)
    plain = without_latents(np.asarray(images), np.asarray(test))
    lines = [
        f"beta {beta:g}, rate, distortion and their sum, nats: {rate:.2f}, {distortion:.2f}, {rate + distortion:.2f}"
        for beta, rate, distortion in zip(_BETAS, *traded, strict=True)
    ]
    steps = ", ".join(f"{slope:.2f} ({beta:.2f})" for beta, slope in slopes(_BETAS, traded))
    return _drawn(traded, plain, found.label), [
        *lines,
        f"distortion without latents, nats: {plain:.2f}",
        f"-dD/dR between two betas (their geometric mean, which it is of the best networks): {steps}",
    ]


def _drawn(traded: Traded, plain: float, name: str) -> Figure:
    figure = Figure(figsize=(9, 4), layout="constrained")
    curve, total = figure.subplots(1, 2)
    least = float((traded.rate + traded.distortion).min())
    line = np.array([0.0, max(traded.rate.max(), least - traded.distortion.min())])
    curve.plot(line, least - line, color="grey", linestyle="--", label=f"R + D = {least:.1f}, the best ELBO")
    curve.plot(traded.rate, traded.distortion, "o-")
    curve.plot([0], [plain], "s", color="black", label="independent pixels")
    apart = np.append(True, np.abs(np.diff(traded.rate)) > 0.05)  # of points in one place the first is named
    for beta, rate, distortion, is_named in zip(_BETAS, *traded, apart, strict=True):
        if is_named:
            curve.annotate(f"β = {beta:g}", (rate, distortion), xytext=(5, 3), textcoords="offset points", fontsize=8)
    curve.set(xlabel="rate R = E[KL(q(z|x) || p(z))], nats", ylabel="distortion D = -E[log p(x|z)], nats", title=name)
    curve.legend(frameon=False)
    total.plot(_BETAS, traded.rate + traded.distortion, "o-", label="R + D = -ELBO")
    total.plot(_BETAS, traded.distortion, "o-", label="D")
    total.plot(_BETAS, traded.rate, "o-", label="R")
    total.axvline(1, color="grey", linestyle=":")
    total.set(xscale="log", xlabel="β", ylabel="nats an image")
    total.legend(frameon=False)
    return figure
