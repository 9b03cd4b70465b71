"""What is measured at each validation, by its name: (key, model, examples, options) -> numbers and lists of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, PRNGKeyArray

from vaex import bounds
from vaex.distributions.abilities import is_cheap_to_evaluate, own_mean
from vaex.distributions.labelled import LabelledLatent
from vaex.distributions.masked import filled
from vaex.distributions.shapes import check_event, check_shape, log_density
from vaex.evaluate.labels import class_probabilities
from vaex.evaluate.latents import active_units, mutual_information, posterior_mean, usual_deviation
from vaex.evaluate.scores import elbo, kl_per_layer, map_examples
from vaex.evaluate.trial import reconstruct
from vaex.inference.importance import effective_sample_size
from vaex.model import AnyModel, Conditional, Distribution, Example, Latent, Model, Params, at, first, one_of, split
from vaex.objectives import Terms, kl_per_dimension, sample_weights
from vaex.objectives.encode import encode

_DRAWS_OF_LABEL = 10  # of the latents that a label depends on, where it does
FEW = 500  # examples for what takes many draws of each, or every pair of them
Unit = Callable[[Distribution], float]
Measured = dict[str, Any]  # arrays; None where there is none of this model


class Options(NamedTuple):
    """What metrics go by."""

    num_samples: int = 50  # K of the importance-weighted bound
    batch_size: int = 250  # examples at a time
    objective: Callable[..., Terms] | None = None  # (key, model, x) -> Terms, where it is a bound of its own
    labels: Integer[np.ndarray, " n"] | None = None  # of the examples, from 0; -1 where there is none


def validator(
    key: PRNGKeyArray,
    bind: Callable[[Params], Model | Conditional],
    x: Example,
    *,
    metrics: tuple[str, ...],
    options: Options,
) -> Callable[[Params], Measured]:
    """A function of the parameters: what is measured of held-out data at each validation.

    Args:
        key: a PRNG key; the same draws at each call.
        bind: params -> Model.
        x: held-out examples, [N, ...].
        metrics: names in METRICS.
        options: what they go by.

    Returns:
        params -> each metric's values by their names, in nats per example where they are bounds; None where there is
        none of this model.
    """

    @jax.jit
    def measure(params: Params) -> Measured:
        model = bind(params)
        return {name: value for metric in metrics for name, value in METRICS[metric](key, model, x, options).items()}

    return measure


def measure_elbo(key: PRNGKeyArray, model: AnyModel, x: Example, options: Options) -> Measured:
    """The plain ELBO, its two parts, and the KL of each dimension and of each layer, where there are any."""

    def one(k: PRNGKeyArray, example: Example) -> tuple[Terms, Array | None, Array | None]:
        now, seen = at(model, example)
        terms = elbo(k, now, seen)
        return terms, kl_per_dimension(encode(now, seen), now.prior), kl_per_layer(k, now, seen)

    found = map_examples(one, key, x, batch_size=options.batch_size)
    terms, kls, layers = jax.tree.map(lambda values: jnp.mean(values, axis=0), found)
    parts = {"elbo": terms.elbo, "log_px_z": terms.log_px_z, "kl": terms.kl}
    return parts | {"kl_per_dimension": kls, "kl_per_layer": layers}


def measure_log_likelihood(key: PRNGKeyArray, model: AnyModel, x: Example, options: Options) -> Measured:
    """The importance-weighted bound L_K of some examples, and how many draws from p(z|x) its K draws are worth."""

    def one(k: PRNGKeyArray, example: Example) -> tuple[Array, Array]:
        now, seen = at(model, example)
        log_w = sample_weights(k, now, seen, encode(now, seen), options.num_samples).log_w
        return bounds.iwae(log_w), effective_sample_size(log_w)

    bound, size = map_examples(one, key, first(x, FEW), batch_size=50)
    return {"log_likelihood": jnp.mean(bound), "effective_sample_size": jnp.mean(size)}


def measure_latents(key: PRNGKeyArray, model: Any, x: Example, options: Options) -> Measured:
    """How many latents are active, in all and in each layer, and what they tell of the example.

    The mutual information is measured where each pair of an example and a draw is cheap to evaluate, and there is no
    condition.
    """
    active = active_per_layer(latent_means(key, model, x, batch_size=options.batch_size, unit=usual_deviation))
    few = first(x, FEW)
    is_plain = split(x)[1] is None
    q = jax.eval_shape(model.encode, one_of(x)) if is_plain else None
    is_cheap = is_plain and is_cheap_to_evaluate(q)
    return {
        "active_units": jnp.sum(jnp.stack(active)),
        "active_units_per_layer": jnp.stack(active) if len(active) > 1 else None,
        "mutual_information": mutual_information(key, model, few) if is_cheap else None,
    }


def measure_bound(key: PRNGKeyArray, model: AnyModel, x: Example, options: Options) -> Measured:
    """The bound that training maximises, at its own number of draws; nothing where it maximises no tighter one."""
    if options.objective is None:
        return {}
    objective = options.objective
    one = lambda k, example: objective(k, *at(model, example)).objective
    return {"bound": jnp.mean(map_examples(one, key, x, batch_size=options.batch_size))}


def measure_reconstruction(key: PRNGKeyArray, model: Model | Conditional, x: Example, options: Options) -> Measured:
    """Log p(x|z) at the mean of q(z|x), and the squared error of E[p(x|z)] there."""
    one = lambda k, example: reconstruction_of(model, example)
    return {name: jnp.mean(v) for name, v in map_examples(one, key, x, batch_size=options.batch_size).items()}


def measure_error(key: PRNGKeyArray, model: AnyModel, x: Example, options: Options) -> Measured:
    """The squared error of E[p(x|z)] at a draw of q(z|x), summed over what is observed of an example."""

    def one(k: PRNGKeyArray, example: Example) -> Array:
        now, seen = at(model, example)
        p = now.decode(encode(now, seen).sample(k))
        check_event("p(x|z)", p)
        estimate = p.mean
        check_shape("an x", filled(seen, 0.0), jnp.shape(estimate))
        return jnp.sum((filled(seen, estimate) - estimate) ** 2)

    return {"reconstruction_error": jnp.mean(map_examples(one, key, x, batch_size=options.batch_size))}


def measure_accuracy(key: PRNGKeyArray, model: AnyModel, x: Example, options: Options) -> Measured:
    """The share of the examples with a label at which q(y|x) is largest; nothing where none has one."""
    if options.labels is None or not (known := options.labels >= 0).any():
        return {}
    one = lambda k, example: jnp.argmax(class_probabilities(k, model, example, num_samples=_DRAWS_OF_LABEL))
    found = map_examples(one, key, x, batch_size=options.batch_size)
    return {"accuracy": jnp.mean((found == options.labels)[known], dtype=float)}


METRICS: dict[str, Callable[[PRNGKeyArray, Any, Example, Options], Measured]] = {
    "elbo": measure_elbo,
    "bound": measure_bound,
    "log_likelihood": measure_log_likelihood,
    "latents": measure_latents,
    "reconstruction": measure_reconstruction,
    "error": measure_error,
    "accuracy": measure_accuracy,
}


def reconstruction_of(model: Model | Conditional, example: Example) -> dict[str, Array]:
    """An example's log p(x|z) at the mean of q(z|x), in nats, and |x - E[p(x|z)]|^2."""
    seen, p = reconstruct(model, example)
    return {"log_px_z": log_density("p(x|z)", p, seen), "squared_error": jnp.sum((seen - own_mean(p)) ** 2)}


def latent_means(
    key: PRNGKeyArray, model: AnyModel, x: Example, *, batch_size: int = 250, unit: Unit = lambda p: 1.0
) -> Latent:
    """E_q[z] of each example, in a unit that p(z) has; given a condition, beyond that of p(z|c)."""

    def one(k: PRNGKeyArray, example: Example) -> Latent:
        now, seen = at(model, example)
        mean = posterior_mean(key, encode(now, seen))  # one key for all x: unused latents' draws stay put
        if split(example)[1] is not None:  # what p(z|c) already says is no use of the latents
            mean = jax.tree.map(jnp.subtract, mean, posterior_mean(key, now.prior))
        return jax.tree.map(lambda leaf: leaf / unit(now.prior), mean)

    return map_examples(one, key, x, batch_size=batch_size)


def active_per_layer(means: Latent) -> list[Array]:
    """How many latents are active in each array of z; one of several classes is active if any of its classes is."""

    def count(leaf: Float[Array, "n d ..."]) -> Array:
        n, d = leaf.shape[:2]
        return jnp.sum(active_units(leaf.reshape(n, -1)).reshape(d, -1).any(axis=-1))

    return [count(leaf) for leaf in latent_arrays(means)]


def latent_arrays(means: Latent) -> list[Array]:
    """The arrays [N, d, ...] of latents; a label is one of them, of several classes."""
    is_label = lambda node: isinstance(node, LabelledLatent)
    per_latent = lambda node: (node.y[:, None], node.z) if is_label(node) else node
    return jax.tree.leaves(jax.tree.map(per_latent, means, is_leaf=is_label))
