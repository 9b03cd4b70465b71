"""What a kind of model reports of a finished run beside the scores and figures that every run has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from vaex import classify
from vaex.config import Config
from vaex.data import Dataset
from vaex.experiment.examples import preprocess
from vaex.experiment.semi_supervised import choose

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # a second to import, which the first step need not wait for


class Report(NamedTuple):
    """Scores and figures of one's own."""

    scores: dict[str, float]  # name -> number: into results.json, and into the table at the end
    figures: dict[str, Figure]  # name -> figure: into figures/NAME.png


# (key, model, data set, test examples) -> Report; the test examples are in the order of the data set's test images.
Reporter = Callable[[PRNGKeyArray, Any, Dataset, Any], Report]


def report_labels(key: PRNGKeyArray, model: Any, dataset: Dataset, x: Any) -> Report:
    """The accuracy of q(y|x), and test images with their styles under every label."""
    from vaex import figures

    probabilities = classify.label_probabilities(classify.posterior_means(key, model, x))
    scores = {"test_accuracy": classify.accuracy(probabilities, dataset.test.labels)}
    return Report(scores, {"analogies": figures.analogies(model, x[:10])})


def report_latent_classifier(config: Config) -> Reporter:
    """The accuracy of a support vector machine on the latents of the training images that keep their labels."""
    apply = preprocess(config).apply

    def report(key: PRNGKeyArray, model: Any, dataset: Dataset, x: Any) -> Report:
        train = dataset.train
        chosen = choose(config, train.labels)
        data_key, train_key, test_key = jax.random.split(key, 3)
        means = classify.posterior_means(train_key, model, apply(data_key, jnp.asarray(train.images[chosen])))
        test_means = classify.posterior_means(test_key, model, x)
        accuracy = classify.accuracy_from_latents(means, train.labels[chosen], test_means, dataset.test.labels)
        return Report({"test_accuracy": accuracy}, {})

    return report


# By model.kind; a kind without one has nothing to add.
REPORTERS: dict[str, Reporter] = {"m2": report_labels, "m1m2": report_labels}


def reporters(config: Config) -> tuple[Reporter, ...]:
    """The reporters of a config."""
    own = tuple(REPORTERS[kind] for kind in (config.model.kind,) if kind in REPORTERS)
    has_classifier = config.data.num_labels is not None and config.model.kind not in REPORTERS
    return (*own, report_latent_classifier(config)) if has_classifier else own
