"""Clusters of examples, by the components of a mixture prior: one for each, or for several that overlap."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from vaex.distributions.mixtures import component_posterior
from vaex.errors import OptionError, UsageError, check_whole
from vaex.evaluate.trial import Trial
from vaex.model import Distribution, Example, Model, at, one_of
from vaex.objectives.encode import encode_example

_LEAST = 1e-12  # overlap, so that all components are connected
_MERGE_SEED = 0  # of the draws by which the components of a trial's prior are merged


def cluster_probabilities(
    key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 10
) -> Float[Array, " clusters"]:
    """Which component of a mixture prior an example belongs to.

    q(c|x) = E_q(z|x)[p(c|z)],   estimated by the mean over draws

    Args:
        key: a PRNG key.
        model: a model whose prior is a mixture.
        x: one example.
        num_samples: draws averaged over.

    Returns:
        Probabilities, one for each component.

    Raises:
        OptionError: num_samples below 1.
        UsageError: the prior is no mixture.

    Source: Jiang et al. 2017, VaDE.
    """
    check_whole(num_samples=num_samples)
    z = encode_example(model, x).sample(key, (num_samples,))
    return jnp.mean(jax.vmap(lambda one: component_posterior(model.prior, one).probs)(z), axis=0)


def clusters_of_components(
    key: PRNGKeyArray, mixture: Distribution, num_clusters: int | None, *, num_samples: int = 30_000
) -> Int[Array, " components"]:
    """The cluster of each component of a mixture: its own, or one of a few in which those are that overlap most.

    S_kl = E_p(z)[p(k|z) p(l|z)],  k != l,   estimated by draws of z; its normalized cut, by spectral clustering

    A cluster need not be Gaussian: many components follow its shape, and are cut apart where few examples lie. What one
    shares with itself does not count, so that a stray component makes no cluster of its own: give each cluster several.

    Args:
        key: a PRNG key.
        mixture: a mixture, as a prior p(z).
        num_clusters: how many clusters there are to be, at most the components K; None for K.
        num_samples: draws averaged over.

    Returns:
        For each component the number of its cluster, from 0.

    Raises:
        OptionError: num_clusters that is not in 1, ..., K; num_samples below 1.
        UsageError: the distribution is no mixture.

    Source: the normalized cut of Shi and Malik 2000, its clusters as of Damle, Minden and Ying 2019; that
        components be merged by their overlap is from Hennig 2010, Methods for merging Gaussian mixture components.
    """
    check_whole(num_clusters=num_clusters, num_samples=num_samples)
    belongs = lambda z: component_posterior(mixture, z).probs
    (num_components,) = jax.eval_shape(lambda: belongs(mixture.sample(key))).shape
    if num_clusters is None or num_clusters == num_components:
        return jnp.arange(num_components)
    if num_clusters > num_components:
        raise OptionError("num_clusters", num_clusters, f"at most {num_components}, the mixture's components")
    from sklearn.cluster import SpectralClustering  # half a second to import

    shares = jax.jit(jax.vmap(belongs))(mixture.sample(key, (num_samples,)))
    overlap = np.maximum(np.asarray(shares.T @ shares) / num_samples, _LEAST)
    cut: Any = SpectralClustering(num_clusters, affinity="precomputed", assign_labels="cluster_qr", random_state=0)
    return jnp.asarray(cut.fit(overlap).labels_)


def clusters_of_prior(trial: Trial) -> Int[Array, " components"]:
    """The clusters that reports and figures of one trial agree on, of its prior's components."""
    prior = at(trial.model, one_of(trial.x))[0].prior  # the same under every condition
    return clusters_of_components(jax.random.key(_MERGE_SEED), prior, trial.num_clusters)


def clustering_accuracy(labels: np.ndarray, clusters: np.ndarray) -> float:
    """The fraction of examples whose cluster is their class, under the best one-to-one matching of the two.

    max_m 1/N sum_i [labels_i = m(clusters_i)],   by the Hungarian method

    Args:
        labels: the classes, integers from 0, [N].
        clusters: the clusters, integers from 0, [N]; where they are more than the classes, the surplus is never right.

    Raises:
        UsageError: not one label for each cluster, or an example without a label.

    Source: Jiang et al. 2017, VaDE; the matching by Kuhn 1955.
    """
    from scipy.optimize import linear_sum_assignment

    if len(labels) != len(clusters) or not len(labels):
        raise UsageError(f"found {len(labels)} labels and {len(clusters)} clusters: expected one of each per example")
    if labels.min() < 0:  # an index that would wrap to the last class
        raise UsageError(
            f"{int(np.sum(labels < 0))} of {len(labels)} examples have no label: leave them out, or label them"
        )
    counts = np.zeros((int(clusters.max()) + 1, int(labels.max()) + 1), np.int64)
    np.add.at(counts, (clusters, labels), 1)
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / len(labels))
