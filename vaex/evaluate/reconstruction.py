"""What is reported of an autoencoder, which has no bound on log p(x): how well it reconstructs held-out data."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from vaex import evaluate
from vaex.model import Conditional, Model, Params, at

Bind = Callable[[Params], Model | Conditional]


def validation_metrics(
    bind: Bind, x: Any, key: PRNGKeyArray, *, batch_size: int = 250
) -> Callable[[Params], dict[str, Any]]:
    """A function of the parameters: the means over held-out data of what `reconstruct` gives.

    Args:
        bind: params -> Model.
        x: held-out examples, [N, ...].
        key: a PRNG key, which is not needed.
        batch_size: examples at a time.

    Returns:
        params -> log_px_z in nats per example, and squared_error.
    """
    measure = _measure(bind, batch_size)
    return lambda params: {name: float(jnp.mean(values)) for name, values in measure(params, x).items()}


def scores(bind: Bind, params: Params, x: Any, *, batch_size: int = 250) -> dict[str, Any]:
    """The test scores, and the words that none of them is a bound on log p(x).

    Args:
        bind: params -> Model.
        params: the parameters.
        x: test examples.
        batch_size: examples at a time.

    Returns:
        test_log_px_z in nats per example and test_squared_error, each with its standard error, and bound_on_log_px.
    """
    found: dict[str, Any] = {"bound_on_log_px": "none: an autoencoder has no p(z), so what stands here bounds nothing"}
    for name, values in _measure(bind, batch_size)(params, x).items():
        found[f"test_{name}"] = float(jnp.mean(values))
        found[f"test_{name}_standard_error"] = float(jnp.std(values, ddof=1) / len(values) ** 0.5)
    return found


def reconstruct(model: Model | Conditional, example: Any) -> tuple[Any, Any]:
    """An example, and p(x|z) at the mean of q(z|x); a denoising autoencoder encodes the corrupted example.

    Args:
        model: a model, or one for each condition.
        example: one example; for a Conditional model a Given.
    """
    now, seen = at(model, example)
    return seen, now.decode(now.encode(seen).mean)  # pyright: ignore[reportAttributeAccessIssue]


def _measure(bind: Bind, batch_size: int) -> Callable[[Params, Any], dict[str, Array]]:
    """Each example's log p(x|z) and |x - E[p(x|z)]|^2."""

    @jax.jit
    def measure(params: Params, x: Any) -> dict[str, Array]:
        model = bind(params)

        def one(key: PRNGKeyArray, example: Any) -> dict[str, Array]:
            seen, p = reconstruct(model, example)
            return {"log_px_z": p.log_prob(seen), "squared_error": jnp.sum((seen - p.mean) ** 2)}

        return evaluate.map_examples(one, jax.random.key(0), x, batch_size=batch_size)

    return measure
