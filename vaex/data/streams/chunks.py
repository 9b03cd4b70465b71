"""The stored examples of some steps at a time, read in a thread ahead of the device."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Int

from vaex.model import Example

_BYTES = 2**24  # of a chunk, of which there are three: one computed on, one waiting, one being read


class Chunk(NamedTuple):
    """The examples of some steps."""

    examples: Example  # stored examples in the order of the data set
    batches: Int[np.ndarray | Array, "steps m"]  # int [steps, M]: where in them those of each step are


def steps_per_chunk(num_steps: int, batch_bytes: int) -> int:
    """How many steps a chunk is of: one length for all where an epoch can be so divided, since each is a program."""
    most = min(num_steps, max(1, _BYTES // max(batch_bytes, 1)))
    even = next(length for length in range(most, 0, -1) if num_steps % length == 0)
    return even if 4 * even > most else most


def chunks(
    order: Int[np.ndarray, "steps m"],
    length: int,
    read: Callable[[np.ndarray], Example],
    put: Callable[[Example], Example],
) -> Iterator[Chunk]:
    """An epoch in chunks.

    Args:
        order: the examples of each step, by their indices.
        length: steps of a chunk; the last may have fewer.
        read: indices, sorted -> stored examples.
        put: arrays -> the same on the device; called in the thread, as read is.
    """

    def one(rows: np.ndarray) -> Chunk:
        indices = rows.reshape(-1)
        by = np.argsort(indices)
        places = np.empty(len(by), np.int32)
        places[by] = np.arange(len(by), dtype=np.int32)
        return put(Chunk(read(indices[by]), places.reshape(rows.shape)))

    return _ahead(one(order[i : i + length]) for i in range(0, len(order), length))


def blank(length: int, batch_size: int, example: Example) -> Chunk:
    """A chunk of that shape, for a program to be compiled for.

    Args:
        length: steps.
        batch_size: examples of a step.
        example: stored examples, [n, ...].
    """
    zeros = lambda a: np.zeros((length * batch_size, *a.shape[1:]), a.dtype)
    return Chunk(jax.tree.map(zeros, example), np.zeros((length, batch_size), np.int32))


def _ahead(made: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same, each made while the one before is used; what goes wrong in the thread is raised here."""
    waiting: queue.Queue[tuple[Chunk | None, BaseException | None]] = queue.Queue(maxsize=1)
    is_over = threading.Event()

    def give(chunk: Chunk | None, error: BaseException | None = None) -> None:
        while not is_over.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put((chunk, error), timeout=0.1)
                return

    def run() -> None:
        try:
            for chunk in made:
                give(chunk)
                if is_over.is_set():
                    return
            give(None)
        except BaseException as error:  # told where it can be mended
            give(None, error)

    thread = threading.Thread(target=run, daemon=True, name="read ahead")
    thread.start()
    try:
        while True:
            chunk, error = waiting.get()
            if error is not None:
                raise error
            if chunk is None:
                return
            yield chunk
    finally:
        is_over.set()
        thread.join()
