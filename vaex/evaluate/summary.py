"""What is reported of a trained model: its scores on held-out data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from vaex import evaluate
from vaex.data import Dataset
from vaex.distributions.abilities import is_cheap_to_evaluate
from vaex.distributions.labelled import LabelledLatent
from vaex.model import Conditional, Model, Params, at
from vaex.objectives import Terms, sample_weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # a second to import, which the first step need not wait for

_ELBO_SAMPLES = 10  # draws averaged over in the reported test ELBO
_FEW = 500  # examples for what takes many draws of each, or every pair of them
_ESS_SAMPLES = 50
_GROUP = 25  # batches of test images to one call, after which the progress is shown
Bind = Callable[[Params], Model | Conditional]


class Report(NamedTuple):
    """What one kind of model reports beside the scores and figures that every run has."""

    scores: dict[str, float]  # name -> number: into results.json, and into the table at the end
    figures: dict[str, Figure]  # name -> figure: into figures/NAME.png


# (key, model, data set, test examples) -> Report; the test examples are in the order of the data set's test images.
Reporter = Callable[[PRNGKeyArray, Any, Dataset, Any], Report]


def validation_metrics(
    bind: Bind, x: Any, key: PRNGKeyArray, *, batch_size: int = 250
) -> Callable[[Params], dict[str, Any]]:
    """A function of the parameters: what is reported of held-out data at each validation.

    Args:
        bind: params -> Model.
        x: held-out examples, [N, ...].
        key: a PRNG key; the same draws at each call.
        batch_size: examples at a time.

    Returns:
        params -> elbo, log_px_z and kl in nats per example; kl_per_dimension, where q and p factorize; kl_per_layer
        and active_units_per_layer of a hierarchy; active_units;
        effective_sample_size of 50 draws; mutual_information, from at most 500 examples, where q(z|x) has a density
        that is cheap to evaluate and no condition.
    """
    few = jax.tree.map(lambda a: a[:_FEW], x)

    @jax.jit
    def measure(params: Params) -> dict[str, Array | None]:
        model = bind(params)

        def sample_size(k: PRNGKeyArray, example: Any) -> Array:
            one, seen = at(model, example)
            weights = sample_weights(k, one, seen, one.encode(seen), _ESS_SAMPLES)
            return evaluate.effective_sample_size(weights.log_w)

        terms, means, kls, layers = _summaries(key, model, x, num_samples=1, batch_size=batch_size)
        active = jnp.stack(_active_per_layer(means))
        return {
            "elbo": jnp.mean(terms.elbo),
            "log_px_z": jnp.mean(terms.log_px_z),
            "kl": jnp.mean(terms.kl),
            "kl_per_dimension": None if kls is None else jnp.mean(kls, axis=0),
            "kl_per_layer": None if layers is None else jnp.mean(layers, axis=0),
            "active_units_per_layer": None if layers is None else active,
            "active_units": jnp.sum(active),
            "effective_sample_size": jnp.mean(evaluate.map_examples(sample_size, key, few, batch_size=50)),
            "mutual_information": _mutual_information(key, model, few),
        }

    return lambda params: {k: np.asarray(v).tolist() for k, v in measure(params).items() if v is not None}


def scores(
    key: PRNGKeyArray,
    bind: Bind,
    params: Params,
    x: Any,
    *,
    num_dims: float,
    num_samples: int,
    chunk_size: int,
    batch_size: int,
    dequantized: bool,
    advance: Callable[[int], None] = lambda n: None,
) -> dict[str, Any]:
    """The test scores.

    Args:
        key: a PRNG key.
        bind: params -> Model.
        params: the parameters.
        x: test examples.
        num_dims: D, pixels times channels of one; where some are missing, those observed, on average.
        num_samples: K of the importance-weighted bound.
        chunk_size: of these, how many at a time.
        batch_size: examples at a time.
        dequantized: whether x are dequantized 8-bit pixels.
        advance: told how many more examples are done.

    Returns:
        test_elbo and test_log_likelihood in nats per example with their standard errors, num_samples, bits_per_dim of
        both, active_units of latent_dim, and of each layer of latents; kl_per_dimension and kl_per_layer, or None.
    """
    elbo_key, weights_key = jax.random.split(key)

    @jax.jit
    def log_likelihoods(params: Params, key: PRNGKeyArray, x: Any) -> Array:
        model = bind(params)

        def one(k: PRNGKeyArray, example: Any) -> Array:
            return evaluate.log_likelihood(k, *at(model, example), num_samples=num_samples, chunk_size=chunk_size)

        return evaluate.map_examples(one, key, x, batch_size=batch_size)

    @jax.jit
    def summaries(params: Params, x: Any) -> tuple[Terms, Any, Array | None, Array | None]:
        return _summaries(elbo_key, bind(params), x, num_samples=_ELBO_SAMPLES, batch_size=250)

    terms, means, kls, layers = summaries(params, x)
    elbos = terms.elbo
    parts = []
    for i, group in enumerate(_groups(x, batch_size * _GROUP)):
        parts.append(np.asarray(log_likelihoods(params, jax.random.fold_in(weights_key, i), group)))
        advance(len(parts[-1]))
    bound = np.concatenate(parts)
    active, dims = _active_per_layer(means), [leaf.shape[1] for leaf in _arrays(means)]
    bits = {"num_dims": num_dims, "dequantized": dequantized}
    return {
        "test_elbo": float(jnp.mean(elbos)),
        "test_elbo_standard_error": _standard_error(np.asarray(elbos)),
        "test_log_likelihood": float(bound.mean()),
        "test_log_likelihood_standard_error": _standard_error(bound),
        "num_samples": num_samples,
        "bits_per_dim": float(evaluate.bits_per_dim(jnp.mean(elbos), **bits)),
        "bits_per_dim_log_likelihood": float(evaluate.bits_per_dim(jnp.asarray(bound.mean()), **bits)),
        "active_units": int(sum(active)),
        "latent_dim": sum(dims),
        "active_units_per_layer": [f"{int(a)} of {d}" for a, d in zip(active, dims, strict=True)],
        "kl_per_dimension": _rounded_mean(kls),
        "kl_per_layer": _rounded_mean(layers),
    }


def _summaries(
    key: PRNGKeyArray, model: Model | Conditional, x: Any, *, num_samples: int, batch_size: int
) -> tuple[Terms, Any, Array | None, Array | None]:
    """Of each example the plain ELBO's terms, the posterior's mean, the KL of each dimension and of each layer.

    Given a condition, the mean is that of q(z|x, c) beyond that of p(z|c).
    """

    def one(k: PRNGKeyArray, example: Any) -> tuple[Terms, Any, Array | None, Array | None]:
        now, seen = at(model, example)
        q = now.encode(seen)
        terms = evaluate.elbo(k, now, seen, num_samples=num_samples)
        layers = evaluate.kl_per_layer(k, now, seen, num_samples=num_samples)
        means = evaluate.posterior_mean(key, q)  # one key for all x: where draws are averaged, unused latents stay put
        if isinstance(model, Conditional):  # what p(z|c) already says is no use of the latents
            means = jax.tree.map(jnp.subtract, means, evaluate.posterior_mean(key, now.prior))
        return terms, means, evaluate.kl_per_dimension(q, now.prior), layers

    return evaluate.map_examples(one, key, x, batch_size=batch_size)


def _mutual_information(key: PRNGKeyArray, model: Model | Conditional, x: Any) -> Array | None:
    """None where each pair of an example and a draw would cost an inversion, or there is a condition."""
    if isinstance(model, Conditional):
        return None
    q = jax.eval_shape(model.encode, jax.tree.map(lambda a: a[0], x))
    return evaluate.mutual_information(key, model, x) if is_cheap_to_evaluate(q) else None


def _active_per_layer(means: Any) -> list[Array]:
    """How many latents are active in each array of z; one of several classes is active if any of its classes is."""

    def count(leaf: Float[Array, "n d ..."]) -> Array:
        n, d = leaf.shape[:2]
        return jnp.sum(evaluate.active_units(leaf.reshape(n, -1)).reshape(d, -1).any(axis=-1))

    return [count(leaf) for leaf in _arrays(means)]


def _arrays(means: Any) -> list[Array]:
    """The arrays [N, d, ...] of latents; a label is one of them, of several classes."""
    is_label = lambda node: isinstance(node, LabelledLatent)
    per_latent = lambda node: (node.y[:, None], node.z) if is_label(node) else node
    return jax.tree.leaves(jax.tree.map(per_latent, means, is_leaf=is_label))


def _rounded_mean(kls: Float[Array, "n d"] | None) -> list[float] | None:
    return None if kls is None else [round(float(v), 6) for v in jnp.mean(kls, axis=0)]


def _groups(x: Any, size: int) -> Iterator[Any]:
    for start in range(0, len(jax.tree.leaves(x)[0]), size):
        yield jax.tree.map(lambda a: a[start : start + size], x)  # noqa: B023


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("nan")
