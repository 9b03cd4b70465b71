"""What a kind of model, or of data, reports of a finished run beside the scores and figures that every run has."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from vaex import evaluate
from vaex.config import missing
from vaex.config.examples import examples, preprocess
from vaex.config.fields import Config
from vaex.config.semi_supervised import choose
from vaex.data import Dataset
from vaex.evaluate import codes, labels
from vaex.evaluate.summary import Report, Reporter

_DRAWS = 20  # of what preprocessing draws, over which a label is averaged
_FITTED = 10_000  # training images to which interpolation's Gaussian is fitted


def _means(key: PRNGKeyArray, config: Config, model: Any, images: np.ndarray) -> Any:
    """E[z] of each image, over what preprocessing draws as well as over q(z|x), so that a label is an image's."""
    apply = preprocess(config).apply

    @jax.jit
    def mean(keys: jax.Array) -> Any:
        x = apply(keys[0], jnp.asarray(images))
        return labels.posterior_means(keys[1], model, x, num_samples=100 // _DRAWS)

    keys = jax.random.split(key, (_DRAWS, 2))
    return jax.tree.map(lambda *draws: sum(draws) / _DRAWS, *map(mean, keys))


def report_labels(config: Config) -> Reporter:
    """The accuracy of q(y|x), and test images with their styles under every label."""

    def report(key: PRNGKeyArray, model: Any, dataset: Dataset, x: Any) -> Report:
        from vaex import figures

        probabilities = labels.label_probabilities(_means(key, config, model, dataset.test.images))
        scores = {"test_accuracy": labels.accuracy(probabilities, dataset.test.labels)}
        return Report(scores, {"analogies": figures.analogies(model, x[:10])})

    return report


def report_latent_classifier(config: Config) -> Reporter:
    """The accuracy of a support vector machine on the latents of the training images that keep their labels."""

    def report(key: PRNGKeyArray, model: Any, dataset: Dataset, x: Any) -> Report:
        train, test = dataset.train, dataset.test
        chosen = choose(config, train.labels)
        keys = jax.random.split(key)
        means = _means(keys[0], config, model, train.images[chosen])
        test_means = _means(keys[1], config, model, test.images)
        accuracy = labels.accuracy_from_latents(means, train.labels[chosen], test_means, test.labels)
        return Report({"test_accuracy": accuracy}, {})

    return report


def report_clusters(key: PRNGKeyArray, model: Any, dataset: Dataset, x: Any) -> Report:
    """Draws of each component of a mixture prior, and how well the components match the labels, where there are any."""
    from vaex import figures

    draw_key, cluster_key = jax.random.split(key)

    @jax.jit
    def assign(x: Any) -> jax.Array:
        def one(k: PRNGKeyArray, example: Any) -> jax.Array:
            return jnp.argmax(evaluate.cluster_probabilities(k, model, example))

        return evaluate.map_examples(one, cluster_key, x, batch_size=250)

    labels, clusters = dataset.test.labels, np.asarray(assign(x))
    scores = {"clusters_used": float(len(np.unique(clusters)))}
    if labels.min() >= 0:
        scores["clustering_accuracy"] = evaluate.clustering_accuracy(labels, clusters)
    return Report(scores, {"components": figures.components(draw_key, model)})


def report_codebook(key: PRNGKeyArray, model: Any, dataset: Dataset, x: Any) -> Report:
    """How much of its codebook a VQ-VAE uses on test examples."""

    @jax.jit
    def indices(x: Any) -> jax.Array:
        return evaluate.map_examples(lambda k, example: model.encode(example).indices, key, x, batch_size=250)

    fraction, perplexity = codes.codebook_use(indices(x), len(model.prior.codes))
    return Report({"codebook_use": float(fraction), "code_perplexity": float(perplexity)}, {})


# By model.kind; a kind without one has nothing to add.
REPORTERS: dict[str, Callable[[Config], Reporter]] = {
    "m2": report_labels,
    "m1m2": report_labels,
    "vqvae": lambda config: report_codebook,
}


def reporters(config: Config) -> tuple[Reporter, ...]:
    """The reporters of a config."""
    own = tuple(REPORTERS[kind](config) for kind in (config.model.kind,) if kind in REPORTERS)
    if config.data.condition is not None:
        own = (*own, functools.partial(_completions, config))
    if config.model.kind == "vae" and config.model.prior == "mixture":
        own = (*own, report_clusters)
    if config.data.num_labels is not None and config.model.kind not in REPORTERS:
        own = (*own, report_latent_classifier(config))
    if config.data.missing is not None:
        own = (*own, functools.partial(missing.report, store=examples(config).stored))
    return own


def _completions(config: Config, key: PRNGKeyArray, model: Any, dataset: Dataset, x: Any) -> Report:
    """What a conditional model draws under its condition, and how near enlarged images come to the images."""
    from vaex import figures
    from vaex.evaluate import completion

    data_key, score_key, figure_key = jax.random.split(key, 3)
    if config.data.condition == "label":
        return Report({}, {"samples_by_label": figures.of_labels(figure_key, model, config.data.num_classes)})
    if config.data.condition == "half":
        return Report({}, {"completions": figures.of_halves(figure_key, model, x)})
    interpolation = None
    if preprocess(config).defined_on == "density":
        few = jax.tree.map(lambda a: a[:_FITTED], dataset.train)
        interpolation = completion.fit_interpolation(examples(config).observe(data_key, few))
    scores = completion.enlargement_scores(score_key, model, x, interpolation)
    return Report(scores, {"completions": figures.of_small_images(figure_key, model, x)})
