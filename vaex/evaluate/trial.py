"""A trained model with what it is evaluated on: what every report and figure is made from."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from jaxtyping import PRNGKeyArray

from vaex.data import Dataset, Split
from vaex.distributions.abilities import mean
from vaex.distributions.shapes import check_value
from vaex.model import Conditional, Distribution, Example, Model, at
from vaex.objectives.encode import encode

Examples = TypeVar("Examples")
Scores = dict[str, Any]  # numbers, words and lists of them; of each example, arrays by their names


class Trial(NamedTuple):
    """A trained model, test examples, and how to score the one on the others."""

    model: Any  # Model or Conditional
    x: Example  # test examples, in the order of the data set's test images
    dataset: Dataset
    observe: Callable[[PRNGKeyArray, Split], Example]  # (key, split) -> examples
    num_samples: int = 100  # K of the importance-weighted bound
    chunk_size: int = 100  # of these, how many at a time
    batch_size: int = 20  # examples at a time
    num_dims: float = 1.0  # D, pixels times channels of one example; where some are missing, those observed
    dequantized: bool = False  # whether x are dequantized 8-bit pixels
    num_classes: int = 0  # of the labels; 0 without any
    num_clusters: int | None = None  # what a mixture prior's components are merged into
    labelled: np.ndarray | None = None  # the indices of training images that keep their labels
    advance: Callable[[int], None] = lambda n: None  # told how many more examples are scored


def reconstruct(model: Model | Conditional, example: Example) -> tuple[Example, Distribution]:
    """An example, and p(x|z) at the mean of q(z|x); a denoising autoencoder encodes the corrupted example.

    Args:
        model: a model, or one for each condition.
        example: one example; for a Conditional model a Given.
    """
    now, seen = at(model, example)
    p = now.decode(mean(encode(now, seen)))
    check_value("p(x|z)", p, seen)
    return seen, p
