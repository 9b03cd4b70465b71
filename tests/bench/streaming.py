"""Training on images that are read from disk against the same on images that lie in memory."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from tests.bench.timing import rates, table
from tests.bench.training import BATCH, IMAGES, recipe, vaex_training
from vaex.data.streams.chunks import chunks, steps_per_chunk
from vaex.data.streams.records import Records, read_records, writing_records
from vaex.train.streamed import streamed_epoch

MANY = np.tile(IMAGES, (4, 1, 1, 1))  # as many as MNIST has, of its size
STEPS = len(MANY) // BATCH


def streamed_training(records: Records) -> Callable[[], None]:
    """An epoch as `make train` runs it with data.streaming=on."""
    made, start = recipe()
    length = steps_per_chunk(STEPS, BATCH * MANY[0].nbytes)
    read = lambda indices: read_records(records, indices)
    put = lambda tree: jax.tree.map(jnp.asarray, tree)
    in_chunks = lambda order: chunks(order, length, read, put)
    sizes = {"num_examples": len(MANY), "batch_size": BATCH}
    epoch, _ = streamed_epoch(jax.random.key(1), in_chunks, recipe=made, **sizes)
    held = [start()]

    def run() -> None:
        held[0], metrics, _ = epoch(held[0])
        assert np.isfinite(float(metrics["loss"]))

    return run


def main() -> None:
    """Examples a second of each."""
    with tempfile.TemporaryDirectory() as folder:
        with writing_records(Path(folder) / "train.npy", MANY.shape) as (put, sums):
            put(np.arange(len(MANY)), MANY)
        records = Records(Path(folder) / "train.npy", MANY.shape, sums)
        systems = {"in memory": vaex_training(MANY), "streamed": streamed_training(records)}
        table("the same, 60,000 images", rates(systems, STEPS * BATCH), "in memory", "examples/s")
