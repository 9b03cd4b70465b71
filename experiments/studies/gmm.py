"""A Gaussian mixture trained as a variational autoencoder with one categorical latent, against EM."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from vaex import objectives
from vaex.inference.em import maximize
from vaex.models import mixture as mixtures
from vaex.models.mixture import GaussianMixture
from vaex.train import Recipe, init_state, train_step


class Fits(NamedTuple):
    """One data set's mixture by two ways from the same start, with the mean log-likelihood of each."""

    start: GaussianMixture
    trained: GaussianMixture
    log_likelihood: float  # of the trained mixture, nats per example
    em_log_likelihood: float  # scikit-learn's
    em_means: np.ndarray  # scikit-learn's, [k, d]


def fit_both(x: Float[Array, "n d"], num_components: int, *, num_steps: int = 3000) -> Fits:
    """The mixture of some data by the gradient of `objectives.enumerate` and by scikit-learn's EM, both from k-means.

    Args:
        x: data, [n, d].
        num_components: K.
        num_steps: updates of Adam on all the data.

    Returns:
        Both fits.
    """
    from sklearn.cluster import KMeans
    from sklearn.mixture import GaussianMixture as ExpectationMaximization

    clusters = KMeans(num_components, n_init="auto", random_state=0).fit_predict(np.asarray(x))
    start = maximize(x, jax.nn.one_hot(clusters, num_components))
    model = train(start, x, num_steps=num_steps)
    weights, scales = np.exp(np.asarray(start.logits, np.float64)), np.asarray(start.scale_tril, np.float64)
    em: Any = ExpectationMaximization(
        num_components,
        weights_init=weights / weights.sum(),
        means_init=np.asarray(start.mean, np.float64),
        precisions_init=np.linalg.inv(scales @ scales.transpose(0, 2, 1)),
        reg_covar=0.0,
        tol=1e-8,
        max_iter=10_000,
    ).fit(np.asarray(x, np.float64))
    found = float(jnp.mean(jax.vmap(model.marginal().log_prob)(x)))
    return Fits(start, model, found, float(em.score(np.asarray(x, np.float64))), em.means_)


def train(start: GaussianMixture, x: Float[Array, "n d"], *, num_steps: int) -> GaussianMixture:
    """Adam on the exact ELBO of all the data, which is their log-likelihood."""
    optimizer = optax.adam(optax.cosine_decay_schedule(0.05, num_steps))
    loss = objectives.batch_loss(objectives.enumerate)
    recipe = Recipe(mixtures.bind_gaussian_mixture, loss, optimizer, preprocess=lambda key, x: x)
    step = functools.partial(train_step, key=jax.random.key(0), batch=x, recipe=recipe)

    @jax.jit
    def run(params):
        state = init_state(params, optimizer)
        return jax.lax.scan(lambda state, _: (step(state)[0], None), state, None, length=num_steps)[0].params

    return mixtures.constrain(run({"decoder": mixtures.free_parameters(start)})["decoder"])


def gmm_figure() -> tuple[Figure, list[str]]:
    """Three components on the petals of Fisher's 150 irises, whose species are not shown to the fit."""
    from sklearn.datasets import load_iris

    data: Any = load_iris()
    x = jnp.asarray(data.data[:, 2:], jnp.float32)
    fits = fit_both(x, 3)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.scatter(*np.asarray(x).T, c=data.target, cmap="tab10", s=8)
    for mixture, style in ((fits.start, ":"), (fits.trained, "-")):
        _ellipses(axes, mixture, style)
    axes.scatter(*fits.em_means.T, marker="x", color="black", label="means by scikit-learn's EM")
    axes.plot([], [], ":", color="gray", label="start: k-means")
    axes.plot([], [], "-", color="gray", label="trained by enumerate: 2 standard deviations")
    axes.set_xlabel("petal length, cm")
    axes.set_ylabel("petal width, cm")
    axes.legend(frameon=False, fontsize=8)
    lines = [
        f"trained by enumerate: {fits.log_likelihood:.5f} nats per example",
        f"scikit-learn's EM: {fits.em_log_likelihood:.5f} nats per example",
    ]
    return figure, lines


def _ellipses(axes: Axes, mixture: GaussianMixture, style: str) -> None:
    """Each component's curve of two standard deviations."""
    for mean, scale in zip(np.asarray(mixture.mean), np.asarray(mixture.scale_tril), strict=True):
        values, vectors = np.linalg.eigh(scale @ scale.T)
        angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
        width, height = 4 * np.sqrt(values[::-1])
        axes.add_patch(Ellipse(mean, width, height, angle=angle, fill=False, linestyle=style, color="gray"))
