"""How well a model tells labels apart."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from vaex import evaluate
from vaex.distributions.labelled import LabelledLatent
from vaex.distributions.stacked import StackedLatent
from vaex.model import Model


def posterior_means(key: PRNGKeyArray, model: Model, x: Any, *, num_samples: int = 100, batch_size: int = 250) -> Any:
    """E_q[z] of each of N examples, from draws where it must be: the latents' pytree with a leading axis of N."""
    mean = lambda k, one: evaluate.posterior_mean(k, model.encode(one), num_samples=num_samples)
    return jax.jit(lambda x: evaluate.map_examples(mean, key, x, batch_size=batch_size))(x)


def label_probabilities(means: Any) -> Float[Array, "n classes"]:
    """q(y|x) of each example from the posterior means of M2 or M1+M2: the mean of a one-hot y."""
    latent = means.above if isinstance(means, StackedLatent) else means
    assert isinstance(latent, LabelledLatent), type(latent)
    return latent.y


def accuracy(probabilities: Float[Array, "n classes"], labels: np.ndarray) -> float:
    """The share of examples whose most probable class is their label."""
    return float(np.mean(np.argmax(np.asarray(probabilities), axis=-1) == labels))


def accuracy_from_latents(
    means: Float[Array, "n ..."], labels: np.ndarray, test_means: Float[Array, "m ..."], test_labels: np.ndarray
) -> float:
    """The accuracy on test examples of a support vector machine trained on posterior means: M1.

    Args:
        means: E_q[z] of the examples with a label.
        labels: [n].
        test_means: E_q[z] of test examples.
        test_labels: [m].

    Source: Kingma, Rezende, Mohamed and Welling 2014, section 2, the latent-feature discriminative model; here with
        scikit-learn's SVC, its kernel and constants as they come.
    """
    from sklearn.svm import SVC  # two seconds to import, which the first step need not wait for

    features, test_features = (np.asarray(m).reshape(len(m), -1) for m in (means, test_means))
    return float(SVC().fit(features, labels).score(test_features, test_labels))
