"""How well a model tells labels apart."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.data import Split
from vaex.distributions.labelled import LabelledLatent
from vaex.distributions.stacked import StackedLatent
from vaex.evaluate.latents import posterior_mean
from vaex.evaluate.scores import map_examples
from vaex.evaluate.trial import Trial
from vaex.model import Example, Model, at
from vaex.objectives.terms import encode_example

_DRAWS = 20  # of what preprocessing draws, over which a label is averaged


def averaged_means(key: PRNGKeyArray, trial: Trial, split: Split) -> Any:
    """E[z] of each image, over what preprocessing draws as well as over q(z|x), so that a label is an image's."""

    @jax.jit
    def mean(keys: jax.Array) -> Any:
        return posterior_means(keys[1], trial.model, trial.observe(keys[0], split), num_samples=100 // _DRAWS)

    keys = jax.random.split(key, (_DRAWS, 2))
    return jax.tree.map(lambda *draws: sum(draws) / _DRAWS, *map(mean, keys))


def posterior_means(
    key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 100, batch_size: int = 250
) -> Any:
    """E_q[z] of each of N examples, from draws where it must be: the latents' pytree with a leading axis of N."""

    def mean(k: PRNGKeyArray, example: Example) -> Any:
        now, seen = at(model, example)
        return posterior_mean(k, encode_example(now, seen), num_samples=num_samples)

    return jax.jit(lambda x: map_examples(mean, key, x, batch_size=batch_size))(x)


def label_probabilities(means: Any) -> Float[Array, "n classes"]:
    """q(y|x) of each example from the posterior means of M2 or M1+M2: the mean of a one-hot y."""
    latent = means.above if isinstance(means, StackedLatent) else means
    assert isinstance(latent, LabelledLatent), type(latent)
    return latent.y


def accuracy(probabilities: Float[Array, "n classes"], labels: np.ndarray) -> float:
    """The share of examples whose most probable class is their label."""
    return float(np.mean(np.argmax(np.asarray(probabilities), axis=-1) == labels))


def accuracy_from_latents(means: Any, labels: np.ndarray, test_means: Any, test_labels: np.ndarray) -> float:
    """The accuracy on test examples of a support vector machine trained on posterior means: M1.

    Args:
        means: E_q[z] of the examples with a label, an array [n, ...] or a pytree of them.
        labels: [n].
        test_means: E_q[z] of test examples.
        test_labels: [m].

    Source: Kingma, Rezende, Mohamed and Welling 2014, section 2, the latent-feature discriminative model; here with
        scikit-learn's SVC, its kernel and constants as they come.
    """
    from sklearn.svm import SVC  # two seconds to import, which the first step need not wait for

    features, test_features = (
        np.concatenate([np.asarray(leaf).reshape(len(leaf), -1) for leaf in jax.tree.leaves(m)], axis=1)
        for m in (means, test_means)
    )
    return float(SVC().fit(features, labels).score(test_features, test_labels))
