"""What a model is trained on and evaluated on: from the images of a data set to examples."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vaex.config.checks import lookup
from vaex.config.conditions import condition
from vaex.config.fields import Config
from vaex.config.likelihoods import LIKELIHOODS
from vaex.config.missing import mask_examples, store_masked
from vaex.config.semi_supervised import OBJECTIVE_OF, preprocess_pairs, stored_pairs
from vaex.data import Split
from vaex.data.conditions import Condition
from vaex.data.noise import NOISES
from vaex.data.preprocess import BINARIZE, Preprocess, dequantize, scale
from vaex.distributions.masked import Masked
from vaex.errors import UsageError
from vaex.model import Given


class Examples(NamedTuple):
    """How the splits of a data set become examples."""

    stored: Callable[[Split], Any]  # a training split -> arrays with a leading axis of N, which lie on the device
    preprocess: Callable[[jax.Array, Any], Any]  # (key, stored examples) -> what a train step takes
    observe: Callable[[jax.Array, Split], Any]  # (key, held-out split) -> what is evaluated


def examples(config: Config) -> Examples:
    """The examples of a config."""
    apply, fraction = preprocess(config).apply, config.data.missing
    observe = lambda key, split: apply(key, jnp.asarray(split.images))
    others = [name for name in ("condition", "num_labels", "noise") if config.data[name] is not None]
    if fraction is not None and others:
        raise UsageError(f"data.missing is {fraction} with data.{others[0]} set: unset one of them")
    if config.model.kind in OBJECTIVE_OF:
        return Examples(
            stored=lambda split: stored_pairs(config, split),
            preprocess=preprocess_pairs(config, apply),
            observe=observe,
        )
    if (kind := condition(config)) is not None:
        return _conditional(apply, kind, config.data.num_classes)
    if config.data.noise is not None:
        apply = _corrupted(apply, lookup(NOISES, config.data.noise, "data.noise"), config.data.noise_level)
    whole = Examples(
        stored=lambda split: split.images,
        preprocess=apply,
        observe=observe,
    )
    return whole if fraction is None else _with_missing(whole, fraction, config.seed)


def _with_missing(whole: Examples, fraction: float, seed: int) -> Examples:
    def observe(key: jax.Array, split: Split) -> Masked:
        pixels_key, mask_key = jax.random.split(key)
        return mask_examples(mask_key, whole.observe(pixels_key, split), fraction=fraction)

    return Examples(
        stored=lambda split: store_masked(whole.stored(split), fraction=fraction, seed=seed),
        preprocess=lambda key, stored: stored._replace(x=whole.preprocess(key, stored.x)),
        observe=observe,
    )


def _conditional(apply: Callable[..., Any], kind: Condition, num_classes: int | None) -> Examples:
    """Images and labels are stored, and become Given(x, condition)."""

    def preprocess(key: jax.Array, split: Split) -> Given:
        x = apply(key, jnp.asarray(split.images))
        return Given(kind.observed(x), kind.given(x, split, num_classes))

    return Examples(stored=lambda split: split, preprocess=preprocess, observe=preprocess)


def _corrupted(apply: Callable[..., Any], noise: Callable[..., Any], level: float) -> Callable[..., Given]:
    """What is to be reconstructed, and what the encoder sees of it."""

    def preprocess(key: jax.Array, images: jax.Array) -> Given:
        x = apply(key, images)
        return Given(x, noise(jax.random.fold_in(key, 1), x, level))

    return preprocess


def preprocess(config: Config) -> Preprocess:
    """From grey levels to what the config's likelihood is defined on."""
    likelihood, binarize = config.model.likelihood, config.data.binarize
    pixels = lookup(LIKELIHOODS, likelihood, "model.likelihood").pixels
    if pixels == "binary":
        if binarize is None:
            raise UsageError(
                f"model.likelihood is {likelihood!r} on grey pixels, which it is no distribution over: set "
                '--config.data.binarize to "dynamic" or "threshold", or to "none" for a loss that is not a likelihood'
            )
        return lookup(BINARIZE, binarize, "data.binarize")
    if binarize is not None:
        raise UsageError(
            f"data.binarize is {binarize!r} with model.likelihood {likelihood!r}, which needs all its grey levels: "
            "leave data.binarize unset, or set --config.model.likelihood=bernoulli"
        )
    return Preprocess(dequantize, "density") if pixels == "density" else Preprocess(scale, "levels")
