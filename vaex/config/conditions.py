"""Conditions by their names in a config."""

import jax
import jax.numpy as jnp
import numpy as np

from vaex.config.checks import lookup
from vaex.config.fields import Config
from vaex.data import Dataset, Split
from vaex.data.conditions import BLOCK, CONDITIONS, Condition
from vaex.errors import UsageError

KIND = "conditional"


def condition(config: Config) -> Condition | None:
    """The condition of a config, None where it has none.

    Raises:
        UsageError: a condition without a conditional model or the other way round, or a number of classes that nothing
            reads or that is missing.
    """
    name, kind, num_classes = config.data.condition, config.model.kind, config.data.num_classes
    if (kind == KIND) != (name is not None):
        found = f"{name!r} with model.kind {kind!r}" if name else f"unset with model.kind {kind!r}"
        cure = f"set --config.model.kind={KIND}, or unset it" if name else f"set it to one of {', '.join(CONDITIONS)}"
        raise UsageError(f"data.condition is {found}: {cure}")
    if name == "label" and num_classes is None:
        raise UsageError("data.condition is 'label' without data.num_classes: set --config.data.num_classes=10, say")
    if name != "label" and num_classes is not None and config.data.num_labels is None:
        raise UsageError(
            f"data.num_classes is set, but data.condition {name!r} has none: unset it, or set "
            "--config.data.condition=label, or data.num_labels"
        )
    return None if name is None else lookup(CONDITIONS, name, "data.condition")


def condition_shape(config: Config, x_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one condition of images of a shape."""
    made = condition(config)
    assert made is not None, config.model.kind
    _check_shape(config, x_shape)
    one = Split(np.zeros((1, *x_shape), np.uint8), np.zeros(1, np.int32))
    given = lambda x, split: made.given(x, split, config.data.num_classes)
    return jax.eval_shape(given, jnp.zeros((1, *x_shape)), one).shape[1:]


def check_condition(config: Config, dataset: Dataset) -> None:
    """Every image of a data set has the condition of a config.

    Raises:
        UsageError: no labels, labels outside the classes, or images that cannot be halved or averaged.
    """
    if condition(config) is None:
        return
    _check_shape(config, dataset.train.images.shape[1:])
    if config.data.condition != "label":
        return
    num_classes = config.data.num_classes
    labels = np.concatenate([split.labels for split in (dataset.train, dataset.validation, dataset.test)])
    if labels.min() < 0:
        raise UsageError(
            f"data.condition is 'label', but {dataset.label} from {dataset.source} has images without one: use a data "
            "set with labels, or another condition"
        )
    if labels.max() >= num_classes:
        raise UsageError(
            f"data.num_classes is {num_classes}, but {dataset.label} has the label {labels.max()}: expected 0 to "
            f"{num_classes - 1}; set --config.data.num_classes={labels.max() + 1}"
        )


def conditions_to_sample(config: Config, num_samples: int, label: int | None) -> jax.Array | None:
    """What to draw samples under: None of an unconditional model, else a label, or every label in turn.

    Raises:
        UsageError: a label where the condition is none, or that is no class, or a condition that is an image; or an
            autoencoder, which has nothing to draw from.
    """
    if config.model.posterior == "point":
        raise UsageError("an autoencoder has no p(z) to draw from: train a VAE for samples")
    name, num_classes = config.data.condition, config.data.num_classes
    if name in (None, "label"):
        if name is None and label is None:
            return None
        if name is None:
            raise UsageError(
                f"--label is {label}, but this model was trained without labels as its condition: leave it out"
            )
        if label is not None and not 0 <= label < num_classes:
            raise UsageError(f"--label is {label}: expected 0 to {num_classes - 1}")
        labels = np.arange(num_samples) % num_classes if label is None else np.full(num_samples, label)
        return jax.nn.one_hot(labels, num_classes)
    raise UsageError(
        f"this model's condition is an image ({name}), of which there is none at hand: `make evaluate RUN=...` draws "
        "completions of test images, and vae.bind(params).given(condition) is the model of any one condition"
    )


def _check_shape(config: Config, x_shape: tuple[int, ...]) -> None:
    height, width = x_shape[:2]
    if config.data.condition == "low_resolution" and (height % BLOCK or width % BLOCK):
        raise UsageError(
            f"data.condition is 'low_resolution' on images of {height} x {width} pixels: expected a height and a width "
            f"that {BLOCK} divides"
        )
    if config.data.condition == "half" and height < 2:
        raise UsageError(f"data.condition is 'half' on images {height} pixel high: expected at least 2")
