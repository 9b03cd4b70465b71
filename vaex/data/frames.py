"""Windows of successive frames, cut from sequences: what is predicted, and what came before it."""

import numpy as np
from jaxtyping import UInt8

from vaex.data import Dataset, Split
from vaex.errors import OptionError, UsageError


def windows(dataset: Dataset, num_previous: int) -> Dataset:
    """Every k + 1 successive frames of each sequence, in their order, sequence after sequence.

    Args:
        dataset: its images are sequences, the frames as channels: uint8 [N, H, W, T].
        num_previous: k.

    Returns:
        The data set of windows, uint8 [N (T - k), H, W, k + 1] per split, each with the label of its sequence.

    Raises:
        UsageError: no frame has so many before it, or there is only one.
    """
    num_frames = dataset.train.images.shape[-1]
    if num_frames == 1:
        raise UsageError(
            f"data.condition is 'previous' on {dataset.label}, images of one frame: expected sequences, such as those "
            "of --config.data.name=bouncing:mnist"
        )
    if not 1 <= num_previous < num_frames:
        many = f"at least 1 and less than {num_frames}, the frames of a sequence of {dataset.label}"
        raise OptionError("num_previous", num_previous, many, path="data")
    return dataset._replace(**{name: _cut(split, num_previous + 1) for name, split in dataset.splits.items()})


def _cut(split: Split, width: int) -> Split:
    each = np.lib.stride_tricks.sliding_window_view(split.images, width, axis=-1)  # [N, H, W, T - k, k + 1]
    num = each.shape[3]
    return Split(np.moveaxis(each, 3, 1).reshape(-1, *split.images.shape[1:3], width), np.repeat(split.labels, num))


def sequence_length(windows: UInt8[np.ndarray, "n h w k_and_1"]) -> int:
    """How many windows are cut from the first sequence: each has all but the first frame of the one before."""
    follows = (windows[1:, ..., :-1] == windows[:-1, ..., 1:]).all(axis=(1, 2, 3))
    return 1 + int(np.argmin(np.append(follows, False)))
