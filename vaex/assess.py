"""What is reported of a trained model: its scores on the test set, and its figures."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from matplotlib.figure import Figure

from vaex import evaluate, plots
from vaex.model import Model, Params

_ELBO_SAMPLES = 10  # draws averaged over in the reported test ELBO
_GROUP = 25  # batches of test images to one call, after which the progress is shown
Bind = Callable[[Params], Model]


def validation_metrics(
    bind: Bind, x: Any, key: PRNGKeyArray, *, batch_size: int = 250
) -> Callable[[Params], dict[str, float]]:
    """A function of the parameters: the means over held-out data of the plain ELBO and of its parts.

    Args:
        bind: params -> Model.
        x: held-out examples, [N, ...].
        key: a PRNG key; the same draws at each call.
        batch_size: examples at a time.
    """

    @jax.jit
    def means(params: Params) -> dict[str, Array]:
        model = bind(params)
        terms = evaluate.map_examples(lambda k, one: evaluate.elbo(k, model, one), key, x, batch_size=batch_size)
        return {name: jnp.mean(getattr(terms, name)) for name in ("elbo", "log_px_z", "kl")}

    return lambda params: {name: float(value) for name, value in means(params).items()}


def scores(
    key: PRNGKeyArray,
    bind: Bind,
    params: Params,
    x: Float[Array, "n ..."],
    *,
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
        num_samples: K of the importance-weighted bound.
        chunk_size: of these, how many at a time.
        batch_size: examples at a time.
        dequantized: whether x are dequantized 8-bit pixels.
        advance: told how many more examples are done.

    Returns:
        test_elbo and test_log_likelihood in nats per example with their standard errors, bits_per_dim of both,
        active_units, kl_per_dimension.
    """
    elbo_key, weights_key = jax.random.split(key)

    @jax.jit
    def log_likelihoods(params: Params, key: PRNGKeyArray, x: Any) -> Array:
        model = bind(params)

        def one(k: PRNGKeyArray, example: Any) -> Array:
            return evaluate.log_likelihood(k, model, example, num_samples=num_samples, chunk_size=chunk_size)

        return evaluate.map_examples(one, key, x, batch_size=batch_size)

    @jax.jit
    def summaries(params: Params, x: Any) -> tuple[Array, Array, Array | None]:
        model = bind(params)

        def one(k: PRNGKeyArray, example: Any) -> tuple[Array, Array, Array | None]:
            q = model.encode(example)
            terms = evaluate.elbo(k, model, example, num_samples=_ELBO_SAMPLES)
            return terms.elbo, evaluate.posterior_mean(k, q), evaluate.kl_per_dimension(q, model.prior)

        return evaluate.map_examples(one, elbo_key, x, batch_size=250)

    elbos, means, kls = summaries(params, x)
    parts = []
    for i, group in enumerate(_groups(x, batch_size * _GROUP)):
        parts.append(np.asarray(log_likelihoods(params, jax.random.fold_in(weights_key, i), group)))
        advance(len(group))
    bound = np.concatenate(parts)
    bits = {"num_dims": int(np.prod(x.shape[1:])), "dequantized": dequantized}
    return {
        "test_elbo": float(jnp.mean(elbos)),
        "test_elbo_standard_error": _standard_error(np.asarray(elbos)),
        "test_log_likelihood": float(bound.mean()),
        "test_log_likelihood_standard_error": _standard_error(bound),
        "num_samples": num_samples,
        "bits_per_dim": float(evaluate.bits_per_dim(jnp.mean(elbos), **bits)),
        "bits_per_dim_log_likelihood": float(evaluate.bits_per_dim(jnp.asarray(bound.mean()), **bits)),
        "active_units": int(evaluate.active_units(means).sum()),
        "latent_dim": means.shape[-1],
        "kl_per_dimension": None if kls is None else [round(float(v), 6) for v in jnp.mean(kls, axis=0)],
    }


def figures(
    key: PRNGKeyArray, bind: Bind, params: Params, x: Float[Array, "n ..."], labels: np.ndarray
) -> Iterator[tuple[str, Figure]]:
    """The figures of a trained model: reconstructions, samples, and the latent space.

    Args:
        key: a PRNG key.
        bind: params -> Model.
        params: the parameters.
        x: test examples; their labels beside them, -1 where there are none.
        labels: [N].

    Returns:
        Pairs of a name and a figure.
    """
    model = bind(params)
    encode_key, sample_key, mean_key = jax.random.split(key, 3)
    decode = jax.jit(jax.vmap(lambda z: model.decode(z).mean))  # pyright: ignore[reportAttributeAccessIssue]
    shown = x[:48]
    z = jax.vmap(lambda k, one: model.encode(one).sample(k))(jax.random.split(encode_key, len(shown)), shown)
    yield "reconstructions", plots.reconstructions(np.asarray(shown), np.asarray(decode(z)))
    yield "samples", samples(sample_key, model)
    mean = jax.jit(
        lambda x: evaluate.map_examples(
            lambda k, one: evaluate.posterior_mean(k, model.encode(one)), mean_key, x, batch_size=250
        )
    )
    means = np.asarray(mean(x))
    if means.shape[-1] == 2:
        grid = decode(jnp.asarray(plots.manifold_grid(20)))
        yield (
            "manifold",
            plots.image_grid(np.asarray(grid), columns=20, title="E[p(x|z)], z on the inverse normal CDF of a grid"),
        )
        yield "latent", plots.latent_scatter(means, labels)
    else:
        dims = [int(d) for d in np.argsort(-means.var(axis=0))[:10]]
        points = decode(jnp.asarray(plots.traversal_points(means[0], dims)))
        title = f"each row: one latent dimension from -3 to 3, the most active first ({', '.join(map(str, dims))})"
        yield "traversals", plots.image_grid(np.asarray(points), columns=11, title=title)


def samples(key: PRNGKeyArray, model: Model, *, num_samples: int = 100) -> Figure:
    """E[p(x|z)] for draws z ~ p(z)."""
    z = model.prior.sample(key, (num_samples,))
    images = jax.vmap(lambda z: model.decode(z).mean)(z)  # pyright: ignore[reportAttributeAccessIssue]
    columns = max(1, round(num_samples**0.5))
    return plots.image_grid(np.asarray(images), columns=columns, title="E[p(x|z)], z drawn from the prior")


def _groups(x: Array, size: int) -> Iterator[Array]:
    for start in range(0, len(x), size):
        yield x[start : start + size]


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("nan")
