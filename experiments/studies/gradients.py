"""Why the gradient of an expectation is not the expectation of the gradient: four estimators against the exact one."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import PRNGKeyArray
from matplotlib.figure import Figure

from vaex import objectives
from vaex.evaluate.gradients import gradient_statistics
from vaex.model import Example, Model
from vaex.models import exact
from vaex.objectives.encode import encode

_NUM_SAMPLES = 2  # draws from q in each gradient; a leave-one-out baseline needs two


class Found(NamedTuple):
    """Of each component of phi, over many gradients."""

    mean: np.ndarray
    variance: np.ndarray
    exact: np.ndarray


def naive(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int) -> objectives.Terms:
    """The ELBO whose gradient takes draws for constants: by phi its mean is that of -d log q(z|x), 0."""
    q = encode(model, x)
    z = jax.lax.stop_gradient(q.sample(key, (num_samples,)))
    w = objectives.log_weights(model, x, q, z)
    bound = jnp.mean(w.log_w)
    return objectives.Terms(bound, bound, jnp.mean(w.log_px_z), jnp.mean(w.log_px_z - w.log_w))


ESTIMATORS = {
    "naive": naive,
    "score function": functools.partial(objectives.reinforce, baseline=jnp.zeros(())),
    "score function with baseline": functools.partial(objectives.reinforce, baseline="leave_one_out"),
    "pathwise": functools.partial(objectives.elbo, kl="sampled"),
}


def model() -> tuple[dict[str, Any], jax.Array]:
    """A linear-Gaussian model of two latents and five dimensions, an encoder that is off, and an x."""
    keys = jax.random.split(jax.random.key(0), 3)
    generator = exact.LinearGaussian(0.7 * jax.random.normal(keys[0], (5, 2)), jnp.zeros(5), jnp.ones(1))
    right = generator.posterior(jnp.zeros(5))
    weight = 0.5 * right.covariance_matrix @ generator.weight.T
    encoder = exact.AffinePosterior(weight, jnp.full(2, 0.3), jnp.log(jnp.diag(right.covariance_matrix)) + 0.5)
    return {"encoder": encoder, "decoder": generator}, generator.decode(jax.random.normal(keys[1], (2,))).sample(
        keys[2]
    )


def measure(estimators: Mapping[str, Any], *, num_keys: int = 100_000) -> dict[str, Found]:
    """The mean and the variance of phi's gradient by each estimator, beside the exact one."""
    params, x = model()
    right = jax.grad(lambda encoder: exact.linear_gaussian_elbo({**params, "encoder": encoder}, x))(params["encoder"])
    flat = lambda tree: np.asarray(ravel_pytree(tree)[0])
    found = {}
    for name, estimator in estimators.items():
        objective: Any = functools.partial(estimator, num_samples=_NUM_SAMPLES)
        statistics = gradient_statistics(
            jax.random.key(1), objective, params, exact.bind_linear_gaussian, x, num_keys=num_keys
        )
        leaves = statistics.leaves
        found[name] = Found(flat(leaves.mean["encoder"]), flat(leaves.variance["encoder"]), flat(right))
    return found


def gradients_figure(*, num_keys: int = 100_000) -> tuple[Figure, list[str]]:
    """The mean gradient of each component over the exact one, with the deviation of a single one; and the variances."""
    found = measure(ESTIMATORS, num_keys=num_keys)
    figure = Figure(figsize=(13, 3.4), layout="constrained")
    *panels, variances = figure.subplots(1, 5)
    lines = []
    for axes, (name, one) in zip(panels, found.items(), strict=True):
        axes.axline((0, 0), slope=1, color="black", linestyle="--", linewidth=1)
        axes.errorbar(one.exact, one.mean, np.sqrt(one.variance), fmt="o", markersize=3, linewidth=0.7)
        axes.set_xlabel("exact derivative")
        axes.set_title(name, fontsize="small")
        axes.sharey(panels[0])
        bias, error = one.mean - one.exact, np.sqrt(one.variance / num_keys)
        lines.append(
            f"{name}: root mean square of the bias {_rms(bias):.4f}, of its standard error {_rms(error):.4f}, of the "
            f"exact gradient {_rms(one.exact):.4f}; variance {one.variance.mean():.3f}"
        )
    panels[0].set_ylabel("mean derivative, and deviation of one")
    variances.barh([*found], [one.variance.mean() for one in found.values()])
    variances.set(xscale="log", xlabel="variance")
    return figure, lines


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
