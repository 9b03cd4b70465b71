"""What images were made from: factors of variation, whole numbers that a source knows beside images and labels."""

import numpy as np

from vaex.data.dtypes import is_number
from vaex.data.sources.place import Arrays
from vaex.errors import UsageError


def as_factors(arrays: Arrays, source: str) -> tuple[Arrays, tuple[str, ...]]:
    """The same arrays, their factors int32 [N, F], and the factors' names, which are no array of a split.

    Args:
        arrays: train_images, and where factors are known train_factors, factor_names, and test_factors.
        source: where they are from, for the error.

    Returns:
        Arrays and names; none where there are no factors.

    Raises:
        UsageError: another shape, numbers that are not whole, another number of names, or factors of one split alone.
    """
    found = {name: array for name, array in arrays.items() if not name.endswith(("_factors", "factor_names"))}
    splits = [name.removesuffix("_images") for name in found if name.endswith("_images")]
    known = [split for split in splits if f"{split}_factors" in arrays]
    if not known:
        return found, ()
    if len(known) < len(splits):
        others = " and ".join(f"{split}_factors" for split in splits if split not in known)
        raise UsageError(f"{source} has {known[0]}_factors alone: expected {others} too")
    for split in splits:
        factors, n = arrays[f"{split}_factors"], len(arrays[f"{split}_images"])
        if factors.ndim != 2 or len(factors) != n or not is_number(factors) or not _are_whole(factors):
            raise UsageError(
                f"{source}: {split} factors are {factors.dtype}, {factors.shape}: expected whole numbers, [{n}, F], a "
                "row for each image"
            )
        found[f"{split}_factors"] = factors.astype(np.int32)
    num = found["train_factors"].shape[1]
    names = tuple(map(str, arrays.get("factor_names", [f"factor_{i + 1}" for i in range(num)])))
    if any(found[f"{split}_factors"].shape[1] != len(names) for split in splits) or len(set(names)) < len(names):
        raise UsageError(f"{source}: found the factors {', '.join(names)}: expected {num} names, one for each factor")
    return found, names


def known_as(names: tuple[str, ...]) -> list[str]:
    """The factors in words; none of none."""
    return [f"made from {', '.join(names)}"] if names else []


def _are_whole(factors: np.ndarray) -> bool:
    return bool(np.all(factors == np.round(factors)) and np.all(np.abs(factors) < 2**31))
