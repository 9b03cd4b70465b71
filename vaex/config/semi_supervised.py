"""What a config says of labels: which images keep theirs, and what is made of them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vaex.config.fields import Config
from vaex.data import Split
from vaex.data.labelled import choose_labelled
from vaex.distributions.labelled import Pair
from vaex.errors import UsageError

# Kinds of model that are trained on pairs of images, one with a label, and the objective of each.
OBJECTIVE_OF = {"m2": "semi_supervised", "m1m2": "stacked_semi_supervised"}
# What these kinds read of config.model: M2's networks have two inputs, and the prior of M1's z1 is M2.
_READS: dict[str, dict[str, tuple]] = {
    "m2": {"posterior": ("diagonal",), "prior": (None, "standard", "mixture")},
    "m1m2": {"posterior": ("diagonal",), "prior": (None,)},
}


def check_labels(config: Config) -> None:
    """The fields of a config that have to do with labels fit one another.

    Raises:
        UsageError: they do not.
    """
    kind, objective, num_labels = config.model.kind, config.objective.name, config.data.num_labels
    if objective in OBJECTIVE_OF.values() and OBJECTIVE_OF.get(kind) != objective:
        fitting = next(k for k, name in OBJECTIVE_OF.items() if name == objective)
        raise UsageError(f"objective.name is {objective!r} with model.kind {kind!r}: set --config.model.kind={fitting}")
    if kind not in OBJECTIVE_OF:
        if num_labels is not None and kind != "vae":
            raise UsageError(f"data.num_labels is set, but model.kind {kind!r} does not read labels: unset it")
        return
    if objective != (fitting := OBJECTIVE_OF[kind]):
        raise UsageError(
            f"objective.name is {objective!r} with model.kind {kind!r}: set --config.objective.name={fitting}"
        )
    for field in ("num_labels", "num_classes"):
        if config.data[field] is None:
            raise UsageError(f"model.kind is {kind!r} without data.{field}: set --config.data.{field}")
    for field, names in _READS[kind].items():
        if config.model[field] not in names:
            expected = " or ".join("unset" if name is None else name for name in names)
            raise UsageError(
                f"model.{field} is {config.model[field]!r}: model.kind {kind!r} expects it to be {expected}"
            )


def choose(config: Config, labels: np.ndarray) -> np.ndarray:
    """The indices of the training images that keep their labels."""
    num_classes = config.data.num_classes
    return choose_labelled(
        labels,
        config.data.num_labels,
        num_classes=int(labels.max()) + 1 if num_classes is None else num_classes,
        seed=config.seed,
    )


def stored_pairs(config: Config, split: Split) -> Pair:
    """Each image without a label beside one with it, the fewer coming round in turn: uint8 images, int32 labels."""
    labelled = choose(config, split.labels)
    unlabelled = np.delete(np.arange(len(split.images)), labelled)
    num_pairs = max(len(unlabelled), len(labelled))
    unlabelled, labelled = np.resize(unlabelled, num_pairs), np.resize(labelled, num_pairs)
    return Pair(split.images[unlabelled], split.images[labelled], split.labels[labelled])


def preprocess_pairs(config: Config, apply: Callable[[jax.Array, Any], Any]) -> Callable[[jax.Array, Pair], Pair]:
    """From stored pairs to what the objective takes."""

    def preprocess(key: jax.Array, pair: Pair) -> Pair:
        keys = jax.random.split(key)
        return Pair(
            unlabelled=apply(keys[0], jnp.asarray(pair.unlabelled)),
            labelled=apply(keys[1], jnp.asarray(pair.labelled)),
            label=jax.nn.one_hot(jnp.asarray(pair.label), config.data.num_classes),
        )

    return preprocess
