"""TFDS in a process of its own: python tfds_worker.py decode FOLDER OUT.npz, or download NAME OUT.npz."""

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow_datasets as tfds


def main(task: str, argument: str, out: str) -> None:
    """Write a TFDS data set's train and test splits to an npz file."""
    if task == "download":
        builder = tfds.builder(argument)
        builder.download_and_prepare()
    else:
        builder = tfds.builder_from_directory(argument)
    features: Any = builder.info.features
    if features is None or "image" not in features:
        sys.exit(f"{argument} has no feature 'image' (it has {', '.join(features or ())}): vaex reads image data sets")
    splits = builder.info.splits
    if "train" not in splits:
        sys.exit(f"{argument} has the splits {', '.join(splits)}: expected one called 'train'")
    wanted = {"train": "train", "test": next((s for s in ("test", "validation") if s in splits), None)}
    arrays = {}
    for split, source in wanted.items():
        if source is not None:
            arrays |= _decode(builder, source, split, labelled="label" in features)
    np.savez(out, **arrays)


def _decode(builder: Any, source: str, split: str, *, labelled: bool) -> dict[str, np.ndarray]:
    images, labels = [], []
    for record in _records(builder, source):
        images.append(record["image"])
        if labelled:
            labels.append(record["label"])
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        sys.exit(
            f"images of {len(shapes)} sizes, {min(shapes)} to {max(shapes)}: "
            "expected one size; resize and save them as npz"
        )
    return {f"{split}_images": np.stack(images)} | (
        {f"{split}_labels": np.asarray(labels, np.int32)} if labelled else {}
    )


def _records(builder: Any, split: str) -> Iterable[dict[str, np.ndarray]]:
    """Array records need no TensorFlow; TFRecord files do."""
    if builder.info.file_format.value == "array_record":
        return builder.as_data_source(split=split)
    return tfds.as_numpy(builder.as_dataset(split=split, shuffle_files=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
