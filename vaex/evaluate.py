"""How good a model is: its bounds on held-out data, and how much of its latent space it uses."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from vaex import bounds
from vaex.chains import Chain
from vaex.errors import UsageError
from vaex.mixtures import component_posterior
from vaex.model import Distribution, Model
from vaex.objectives import Terms, closed_form_kl, kl_per_dimension, sample_weights
from vaex.stacked import StackedPosterior

ACTIVE_VARIANCE = 1e-2
__all__ = [
    "active_units",
    "bits_per_dim",
    "cluster_probabilities",
    "clustering_accuracy",
    "effective_sample_size",
    "elbo",
    "kl_per_dimension",
    "kl_per_layer",
    "log_likelihood",
    "map_examples",
    "mutual_information",
    "posterior_mean",
    "psnr",
]


def log_likelihood(
    key: PRNGKeyArray, model: Model, x: Any, *, num_samples: int = 5000, chunk_size: int = 100
) -> Float[Array, ""]:
    """The importance-weighted bound of K draws on log p(x), in the memory of one chunk.

    L_K = log 1/K sum_k p(x, z_k) / q(z_k|x),   accumulated by an online log-sum-exp

    Args:
        key: a PRNG key; chunk c draws from fold_in(key, c).
        model: a model.
        x: one example.
        num_samples: K.
        chunk_size: how many draws are held at a time.

    Returns:
        Nats, a lower bound on log p(x) in expectation.

    Raises:
        ValueError: num_samples or chunk_size below 1.

    Source: Burda, Grosse and Salakhutdinov 2015, equation 8 and section 5.
    """
    if num_samples < 1 or chunk_size < 1:
        raise ValueError(f"num_samples is {num_samples} and chunk_size {chunk_size}: expected at least 1 of each")
    chunk_size = min(chunk_size, num_samples)
    q = model.encode(x)

    def add_chunk(total: Float[Array, ""], chunk: Array) -> tuple[Float[Array, ""], None]:
        weights = sample_weights(jax.random.fold_in(key, chunk), model, x, q, chunk_size)
        wanted = chunk * chunk_size + jnp.arange(chunk_size) < num_samples
        log_w = jnp.where(wanted, weights.log_w, -jnp.inf)
        return jnp.logaddexp(total, jax.nn.logsumexp(log_w)), None

    num_chunks = -(-num_samples // chunk_size)
    total, _ = jax.lax.scan(add_chunk, jnp.array(-jnp.inf), jnp.arange(num_chunks))
    return total - jnp.log(num_samples)


def elbo(key: PRNGKeyArray, model: Model, x: Any, *, num_samples: int = 1) -> Terms:
    """The plain ELBO of one example, with the closed-form KL where there is one and the sampled one elsewhere.

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: L, draws averaged over.

    Returns:
        Terms, in nats.
    """
    q = model.encode(x)
    w = sample_weights(key, model, x, q, num_samples)
    log_px_z, kl = bounds.elbo(w.log_px_z), closed_form_kl(q, model.prior)
    if kl is None:
        kl = bounds.elbo(w.log_qz - w.log_pz)
    return Terms(log_px_z - kl, log_px_z - kl, log_px_z, kl)


def kl_per_layer(key: PRNGKeyArray, model: Model, x: Any, *, num_samples: int = 1) -> Float[Array, " l"] | None:
    """What each layer of a hierarchy adds to the sampled KL of the same draws; None where z has no layers.

    KL_l = 1/K sum_k log q(z_l|...) - log p(z_l|...)

    Each is a KL, and not below 0 in expectation, where q draws in the generator's order, as a ladder's does; of a
    posterior that goes bottom up only the sum is.

    Args:
        key: a PRNG key; elbo draws the same from it.
        model: a model.
        x: one example.
        num_samples: K.

    Returns:
        Nats for z_1, ..., z_L, [L].

    Source: the parts of the bound of Sonderby et al. 2016.
    """
    q, p = model.encode(x), model.prior
    if not isinstance(q, Chain) or not isinstance(p, Chain):
        return None
    z = q.sample(key, (num_samples,))
    return jnp.mean(jax.vmap(lambda one: q.log_prob_per_layer(one) - p.log_prob_per_layer(one))(z), axis=0)


def posterior_mean(key: PRNGKeyArray, q: Distribution, *, num_samples: int = 100) -> Any:
    """E_q[z], from the distribution's own mean where it has one, else from draws.

    The mean of K draws of an unused latent has the variance 1/K, near active_units' threshold: a Chain averages its
    conditionals' means instead, and with one key for all x the draws of an unused latent are the same for each.
    """
    if isinstance(q, Chain | StackedPosterior):
        return q.estimate_mean(key, num_samples)
    try:
        return q.mean  # pyright: ignore[reportAttributeAccessIssue]
    except (AttributeError, NotImplementedError):
        return jax.tree.map(lambda z: jnp.mean(z, axis=0), q.sample(key, (num_samples,)))


def active_units(means: Float[Array, "n d"]) -> Bool[Array, " d"]:
    """Which latent dimensions the posterior uses.

    active_j = Var_x(E_q[z_j]) > 1e-2

    Args:
        means: posterior means of n examples, [n, d].

    Returns:
        One boolean for each dimension, [d].

    Source: Burda, Grosse and Salakhutdinov 2015, section 5.2.
    """
    return jnp.var(means, axis=0) > ACTIVE_VARIANCE


def bits_per_dim(log_px: Float[Array, "..."], *, num_dims: int | float, dequantized: bool) -> Float[Array, "..."]:
    """Nats of an image -> bits per dimension.

    bits = -log_px / (D log 2),   and 8 more for a density on [0, 1] of pixels with 256 levels

    Args:
        log_px: log p(x), or a bound on it, in nats.
        num_dims: D, pixels times channels.
        dequantized: whether log_px is a density of 8-bit pixels scaled by 1/256.

    Source: Theis, van den Oord and Bethge 2016, section 3.1.
    """
    return -log_px / (num_dims * jnp.log(2.0)) + 8.0 * dequantized


def psnr(estimate: Float[Array, "*shape"], image: Float[Array, "*shape"]) -> Float[Array, ""]:
    """The peak signal-to-noise ratio of an estimate of an image with values in [0, 1], in decibels.

    PSNR = -10 log10 mean_j (estimate_j - image_j)^2
    """
    return -10 * jnp.log10(jnp.mean((estimate - image) ** 2))


def map_examples(f: Callable[[PRNGKeyArray, Any], Any], key: PRNGKeyArray, examples: Any, *, batch_size: int) -> Any:
    """Apply f(key, x) to many examples, `batch_size` at a time; example i gets fold_in(key, i)."""
    n = jax.tree.leaves(examples)[0].shape[0]
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(n))
    return jax.lax.map(lambda args: f(*args), (keys, examples), batch_size=min(batch_size, n))


def effective_sample_size(log_w: Float[Array, " k"]) -> Float[Array, ""]:
    """How many draws from p(z|x) the K weighted draws from q(z|x) are worth.

    ESS = (sum_k w_k)^2 / sum_k w_k^2,   from 1 to K

    Source: Kong 1992.
    """
    return jnp.exp(2 * jax.nn.logsumexp(log_w) - jax.nn.logsumexp(2 * log_w))


def mutual_information(key: PRNGKeyArray, model: Model, batch: Any) -> Float[Array, ""]:
    """An estimate of I_q(x; z), what the latents tell of the example, in nats.

    1/M sum_i log q(z_i|x_i) - log 1/M sum_j q(z_i|x_j),   z_i ~ q(z|x_i),   which cannot exceed log M

    Args:
        key: a PRNG key.
        model: a model.
        batch: M examples, [M, ...].

    Returns:
        Nats.

    Source: Hoffman and Johnson 2016, the index-code mutual information.
    """
    qs = jax.vmap(model.encode)(batch)
    m = jax.tree.leaves(batch)[0].shape[0]
    z = jax.vmap(lambda k, q: q.sample(k))(jax.random.split(key, m), qs)
    pairs = jax.lax.map(lambda one: jax.vmap(lambda q: q.log_prob(one))(qs), z)  # log q(z_i|x_j): [i, j]
    return jnp.mean(jnp.diagonal(pairs) - bounds.iwae(pairs.T))


def cluster_probabilities(
    key: PRNGKeyArray, model: Model, x: Any, *, num_samples: int = 10
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
        UsageError: the prior is no mixture.

    Source: Jiang et al. 2017, VaDE.
    """
    z = model.encode(x).sample(key, (num_samples,))
    return jnp.mean(jax.vmap(lambda one: component_posterior(model.prior, one).probs)(z), axis=0)


def clustering_accuracy(labels: np.ndarray, clusters: np.ndarray) -> float:
    """The fraction of examples whose cluster is their class, under the best one-to-one matching of the two.

    max_m 1/N sum_i [labels_i = m(clusters_i)],   by the Hungarian method

    Args:
        labels: the classes, integers from 0, [N].
        clusters: the clusters, integers from 0, [N]; where they are more than the classes, the surplus is never right.

    Raises:
        UsageError: not one label for each cluster.

    Source: Jiang et al. 2017, VaDE; the matching by Kuhn 1955.
    """
    from scipy.optimize import linear_sum_assignment

    if len(labels) != len(clusters) or not len(labels):
        raise UsageError(f"found {len(labels)} labels and {len(clusters)} clusters: expected one of each per example")
    counts = np.zeros((int(clusters.max()) + 1, int(labels.max()) + 1), np.int64)
    np.add.at(counts, (clusters, labels), 1)
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / len(labels))
