"""What is reported of a finished run, by its name: (key, trial) -> scores.

Those of each test example by itself, which runs are compared by, stand under `PER_EXAMPLE`: {name: numpy array, [N]}.
"""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.data import Split
from vaex.data.dataset import cut_split
from vaex.data.sources.densities import log_prob_of
from vaex.distributions.masked import Masked
from vaex.evaluate.clusters import cluster_probabilities, clustering_accuracy, clusters_of_prior
from vaex.evaluate.codes import codebook_use
from vaex.evaluate.comparison import standard_error
from vaex.evaluate.completion import enlargement_scores, fit_interpolation
from vaex.evaluate.disentanglement import disentanglement_scores
from vaex.evaluate.imputation import imputation_errors, row_imputation_errors
from vaex.evaluate.labels import accuracy, accuracy_from_latents, averaged_means, label_probabilities
from vaex.evaluate.latents import usual_deviation
from vaex.evaluate.metrics import active_per_layer, latent_arrays, latent_means, reconstruction_of
from vaex.evaluate.scores import bits_per_dim, elbo, kl_per_layer, log_likelihood, map_examples
from vaex.evaluate.surgery import surgery_scores
from vaex.evaluate.trial import Scores, Trial
from vaex.model import Example, Latent, at, first, num_examples, split
from vaex.objectives import Terms, kl_per_dimension
from vaex.objectives.encode import encode

_ELBO_SAMPLES = 10  # draws averaged over in the reported test ELBO
_GROUP = 25  # batches of test images to one call, after which the progress is shown
_FITTED = 10_000  # training images to which interpolation's Gaussian is fitted
PER_EXAMPLE = "per_example"


def report_scores(key: PRNGKeyArray, trial: Trial) -> Scores:
    """The test ELBO and log-likelihood in nats per example with their standard errors, bits, KLs and active units."""
    elbo_key, weights_key = jax.random.split(key)
    model = trial.model

    @jax.jit
    def log_likelihoods(key: PRNGKeyArray, x: Example) -> Array:
        sizes = {"num_samples": trial.num_samples, "chunk_size": trial.chunk_size}
        one = lambda k, example: log_likelihood(k, *at(model, example), **sizes)
        return map_examples(one, key, x, batch_size=trial.batch_size)

    @jax.jit
    def summaries(x: Example) -> tuple[Terms, Array | None, Array | None, Latent]:
        def one(k: PRNGKeyArray, example: Example) -> tuple[Terms, Array | None, Array | None]:
            now, seen = at(model, example)
            terms = elbo(k, now, seen, num_samples=_ELBO_SAMPLES)
            layers = kl_per_layer(k, now, seen, num_samples=_ELBO_SAMPLES)
            return terms, kl_per_dimension(encode(now, seen), now.prior), layers

        means = latent_means(elbo_key, model, x, unit=usual_deviation)
        return *map_examples(one, elbo_key, x), means

    terms, kls, layers, means = summaries(trial.x)
    parts = []
    for i, group in enumerate(_groups(trial.x, trial.batch_size * _GROUP)):
        parts.append(np.asarray(log_likelihoods(jax.random.fold_in(weights_key, i), group)))
        trial.advance(len(parts[-1]))
    bound, elbos = np.concatenate(parts), np.asarray(terms.elbo)
    active, dims = active_per_layer(means), [leaf.shape[1] for leaf in latent_arrays(means)]
    bits = {"num_dims": trial.num_dims, "dequantized": trial.dequantized}
    return {
        "test_elbo": float(elbos.mean()),
        "test_elbo_standard_error": standard_error(elbos),
        "test_log_likelihood": float(bound.mean()),
        "test_log_likelihood_standard_error": standard_error(bound),
        "num_samples": trial.num_samples,
        "bits_per_dim": float(bits_per_dim(jnp.asarray(elbos.mean()), **bits)),
        "bits_per_dim_log_likelihood": float(bits_per_dim(jnp.asarray(bound.mean()), **bits)),
        "active_units": int(sum(active)),
        "latent_dim": sum(dims),
        "active_units_per_layer": [f"{int(a)} of {d}" for a, d in zip(active, dims, strict=True)],
        "kl_per_dimension": _rounded_mean(kls),
        "kl_per_layer": _rounded_mean(layers),
        PER_EXAMPLE: {"test_elbo": elbos, "test_log_likelihood": bound},
    }


def report_reconstruction(key: PRNGKeyArray, trial: Trial) -> Scores:
    """An autoencoder's test scores, and the words that none of them is a bound on log p(x)."""

    @jax.jit
    def measure(x: Example) -> dict[str, Array]:
        return map_examples(lambda k, example: reconstruction_of(trial.model, example), key, x)

    found: Scores = {"bound_on_log_px": "none: an autoencoder has no p(z), so what stands here bounds nothing"}
    values = {f"test_{name}": np.asarray(array) for name, array in measure(trial.x).items()}
    for name, array in values.items():
        found[name] = float(jnp.mean(array))
        found[f"{name}_standard_error"] = standard_error(array)
    return found | {PER_EXAMPLE: values}


def report_classifier(key: PRNGKeyArray, trial: Trial) -> Scores:
    """The accuracy of q(y|x) on the test images that have a label."""
    if not len((test := _with_labels(trial.dataset.test)).labels):
        return {}
    probabilities = label_probabilities(averaged_means(key, trial, test))
    return {"test_accuracy": accuracy(probabilities, test.labels), "num_test_labels": len(test.labels)}


def report_latent_classifier(key: PRNGKeyArray, trial: Trial) -> Scores:
    """The accuracy of a support vector machine on the latents of the training images that keep their labels."""
    if not len((test := _with_labels(trial.dataset.test)).labels):
        return {}
    keys = jax.random.split(key)
    train = jax.tree.map(lambda a: a[trial.labelled], trial.dataset.train)
    means, test_means = averaged_means(keys[0], trial, train), averaged_means(keys[1], trial, test)
    found = accuracy_from_latents(means, train.labels, test_means, test.labels)
    return {"test_accuracy": found, "num_test_labels": len(test.labels)}


def report_clusters(key: PRNGKeyArray, trial: Trial) -> Scores:
    """How well the components of a mixture prior, or what they are merged into, match the labels that there are."""
    cluster_of = clusters_of_prior(trial)

    @jax.jit
    def assign(x: Example) -> Array:
        def one(k: PRNGKeyArray, example: Example) -> Array:
            probabilities = cluster_probabilities(k, *at(trial.model, example))
            return jnp.argmax(jax.ops.segment_sum(probabilities, cluster_of, num_segments=len(cluster_of)))

        return map_examples(one, key, x)

    labels, clusters = trial.dataset.test.labels, np.asarray(assign(trial.x))
    scores = {"clusters_used": float(len(np.unique(clusters)))}
    known = labels >= 0
    return scores | (
        {"clustering_accuracy": clustering_accuracy(labels[known], clusters[known])} if known.any() else {}
    )


def report_codebook(key: PRNGKeyArray, trial: Trial) -> Scores:
    """How much of its codebook a VQ-VAE uses on test examples."""
    one = lambda k, example: trial.model.encode(example).indices
    indices = jax.jit(lambda x: map_examples(one, key, x))(trial.x)
    fraction, perplexity = codebook_use(indices, len(trial.model.prior.codes))
    return {"codebook_use": float(fraction), "code_perplexity": float(perplexity)}


def report_enlargement(key: PRNGKeyArray, trial: Trial) -> Scores:
    """How near enlarged images come to the images, beside bicubic interpolation."""
    data_key, score_key = jax.random.split(key)
    few = first(trial.dataset.train, _FITTED)
    interpolation = fit_interpolation(trial.observe(data_key, few)) if trial.dequantized else None
    return enlargement_scores(score_key, trial.model, trial.x, interpolation)


def report_density(key: PRNGKeyArray, trial: Trial) -> Scores:
    """The mean log p(x) of the test points under the density that they were drawn from, where it is known.

    No model has more in expectation, and what it has less is KL(density || model). A model of p(x|c), or of a part of
    x, is of another density.
    """
    log_prob, (x, condition) = log_prob_of(trial.dataset.name), split(trial.x)
    if log_prob is None or condition is not None or type(x) is Masked:
        return {}
    exact = log_prob(trial.dataset.test.images.astype(float))
    return {"log_likelihood_of_the_density": float(exact.mean())}


REPORTS: dict[str, Callable[[PRNGKeyArray, Trial], Scores]] = {
    "scores": report_scores,
    "reconstruction": report_reconstruction,
    "classifier": report_classifier,
    "latent_classifier": report_latent_classifier,
    "clusters": report_clusters,
    "codebook": report_codebook,
    "enlargement": report_enlargement,
    "density": report_density,
    "disentanglement": disentanglement_scores,
    "surgery": surgery_scores,
    "imputation": imputation_errors,
    "row_imputation": row_imputation_errors,
}


def _with_labels(whole: Split) -> Split:
    return cut_split(whole, np.flatnonzero(whole.labels >= 0))


def _rounded_mean(kls: Float[Array, "n d"] | None) -> list[float] | None:
    return None if kls is None else [round(float(v), 6) for v in jnp.mean(kls, axis=0)]


def _groups(x: Example, size: int) -> Iterator[Example]:
    for start in range(0, num_examples(x), size):
        yield jax.tree.map(lambda a: a[start : start + size], x)  # noqa: B023
