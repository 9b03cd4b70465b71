"""Known factors of examples beside their codes: those that vary, and whether each example has both."""

import jax
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from vaex.errors import UsageError

Codes = Float[Array | np.ndarray, "n d"]
Factors = Int[np.ndarray, "m f"]


def varying(factors: Factors, *codes: Array | np.ndarray) -> Int[np.ndarray, "n g"]:
    """The factors that have more than one value, whose values are numbered from 0 in their order.

    Args:
        factors: of each example.
        codes: arrays [N, d] about the same examples.

    Raises:
        UsageError: other shapes, numbers that are not finite, fewer than four examples, or no factor that varies.
    """
    shapes = [np.shape(array) for array in (factors, *codes)]
    if any(len(shape) != 2 or shape[0] != shapes[0][0] or not shape[1] for shape in shapes) or shapes[0][0] < 4:
        raise UsageError(
            f"factors have shape {shapes[0]}, and codes {', '.join(map(str, shapes[1:]))}: expected [N, F] and [N, d], "
            "a row of each for every example, and four or more"
        )
    if not all(np.isfinite(np.asarray(code)).all() for code in codes):
        raise UsageError("codes are not all finite: expected numbers; look whether the model is")
    numbered = [np.unique(column, return_inverse=True)[1] for column in np.asarray(factors).T]
    if not (found := [column for column in numbered if column.max() > 0]):
        raise UsageError(f"each of {shapes[0][1]} factors has one value: expected one that varies among the examples")
    return np.stack(found, axis=1)


def generator(key: PRNGKeyArray) -> np.random.Generator:
    """Numpy's random numbers from a key of jax's."""
    return np.random.default_rng(np.asarray(jax.random.key_data(key)).tolist())
