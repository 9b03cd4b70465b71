"""How well a model tells labels apart."""

import functools
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.data import Split
from vaex.distributions.labelled import LabelledLatent
from vaex.distributions.stacked import StackedLatent
from vaex.errors import UsageError
from vaex.evaluate.latents import posterior_mean
from vaex.evaluate.scores import map_examples
from vaex.evaluate.trial import Trial
from vaex.model import AnyModel, Example, Latent, Model, at
from vaex.objectives.encode import encode_example


class Classes(NamedTuple):
    """q(y|x) of examples, and where it is largest."""

    label: np.ndarray  # int [N]
    probability: np.ndarray  # [N, classes]


_DRAWS = 20  # of what preprocessing draws, over which a label is averaged


def averaged_means(key: PRNGKeyArray, trial: Trial, split: Split) -> Latent:
    """E[z] of each image, over what preprocessing draws as well as over q(z|x), so that a label is an image's."""

    @jax.jit
    def mean(keys: jax.Array) -> Latent:
        return posterior_means(keys[1], trial.model, trial.observe(keys[0], split), num_samples=100 // _DRAWS)

    keys = jax.random.split(key, (_DRAWS, 2))
    return jax.tree.map(lambda *draws: sum(draws) / _DRAWS, *map(mean, keys))


def posterior_means(
    key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 100, batch_size: int = 250
) -> Latent:
    """E_q[z] of each of N examples, from draws where it must be: the latents' pytree with a leading axis of N.

    Raises:
        OptionError: num_samples or batch_size below 1.
        UsageError: no examples.
    """

    def mean(k: PRNGKeyArray, example: Example) -> Latent:
        now, seen = at(model, example)
        return posterior_mean(k, encode_example(now, seen), num_samples=num_samples)

    return jax.jit(lambda x: map_examples(mean, key, x, batch_size=batch_size))(x)


@functools.singledispatch
def label_probabilities(means: Latent) -> Float[Array, "*batch classes"]:
    """q(y|x) of each example from the posterior means of M2 or M1+M2: the mean of a one-hot y.

    Raises:
        UsageError: means of latents among which there is no label.
    """
    raise UsageError(
        "this model has no label among its latents: train one with --config.model.name=m2 or m1m2 to classify"
    )


label_probabilities.register(LabelledLatent, lambda means: means.y)
label_probabilities.register(StackedLatent, lambda means: label_probabilities(means.above))


def class_probabilities(
    key: PRNGKeyArray, model: AnyModel, example: Example, *, num_samples: int = 100
) -> Float[Array, " classes"]:
    """q(y|x) of one example, averaged over draws of the latents that y depends on, where there are any.

    Args:
        key: a PRNG key.
        model: M2 or M1+M2.
        example: one example.
        num_samples: draws, where they are needed.

    Raises:
        OptionError: num_samples below 1.
        UsageError: a model without a label among its latents.
    """
    q = encode_example(*at(model, example))
    return label_probabilities(posterior_mean(key, q, num_samples=num_samples))


def accuracy(probabilities: Float[Array, "n classes"], labels: np.ndarray) -> float:
    """The share of examples whose most probable class is their label.

    Args:
        probabilities: of each class for each example, [n, classes].
        labels: [n], from 0.

    Raises:
        UsageError: not one label for each example, or one that is no class, as -1 for none.
    """
    check_classes(labels, len(probabilities))
    return float(np.mean(np.argmax(np.asarray(probabilities), axis=-1) == labels))


def accuracy_from_latents(means: Latent, labels: np.ndarray, test_means: Latent, test_labels: np.ndarray) -> float:
    """The accuracy on test examples of a support vector machine trained on posterior means: M1.

    Args:
        means: E_q[z] of the examples with a label, an array [n, ...] or a pytree of them.
        labels: [n].
        test_means: E_q[z] of test examples.
        test_labels: [m].

    Raises:
        UsageError: not one label for each example, or one that is no class, as -1 for none.

    Source: Kingma, Rezende, Mohamed and Welling 2014, section 2, the latent-feature discriminative model; here with
        scikit-learn's SVC, its kernel and constants as they come.
    """
    from sklearn.svm import SVC  # two seconds to import, which the first step need not wait for

    features, test_features = (
        np.concatenate([np.asarray(leaf).reshape(len(leaf), -1) for leaf in jax.tree.leaves(m)], axis=1)
        for m in (means, test_means)
    )
    check_classes(labels, len(features))
    check_classes(test_labels, len(test_features))
    if len(found := np.unique(labels)) == 1:  # of which there is no machine to train
        return float(np.mean(test_labels == found[0]))
    return float(SVC().fit(features, labels).score(test_features, test_labels))


def check_classes(labels: np.ndarray, num_examples: int) -> None:
    """There is a label for each example.

    Raises:
        UsageError: more, fewer, or one that is no class.
    """
    if labels.shape != (num_examples,) or not num_examples:
        raise UsageError(
            f"labels have shape {labels.shape}: expected ({num_examples},), one for each example, and some"
        )
    if labels.min() < 0:
        without = int(np.sum(labels < 0))
        raise UsageError(f"{without} of {num_examples} examples have no label: leave them out, or label them")
