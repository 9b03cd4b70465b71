"""An epoch of data that do not fit: train_epoch, over a few steps' examples at a time."""

import functools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from vaex.data.streams.chunks import Chunk
from vaex.train.step import Metrics, Recipe, TrainState, batches_of, means, train_steps

Epoch = Callable[[TrainState], tuple[TrainState, Metrics, Int[Array, ""]]]


def streamed_epoch(
    key: PRNGKeyArray,
    chunks: Callable[[np.ndarray], Iterator[Chunk]],
    *,
    recipe: Recipe,
    num_examples: int,
    batch_size: int,
) -> tuple[Epoch, Callable[[TrainState, Chunk], None]]:
    """What train_epoch does, in the same order and with the same draws, so that the parameters are the same.

    Args:
        key: the run's key.
        chunks: the indices of each step's examples, [steps, M] -> their examples.
        recipe: what stays.
        num_examples: n.
        batch_size: M.

    Returns:
        An epoch, as a function of the state, which is donated; and what compiles a chunk's program beforehand.

    Raises:
        OptionError: batch_size below 1, or above n, by either of the two.
    """
    order_key, step_key = jax.random.split(key)
    batches = jax.jit(lambda step: batches_of(order_key, step, num_examples, batch_size))
    steps = jax.jit(functools.partial(train_steps, recipe=recipe), donate_argnums=0)
    summary = jax.jit(functools.partial(means, max_skipped=recipe.max_skipped))

    def epoch(state: TrainState) -> tuple[TrainState, Metrics, Int[Array, ""]]:
        start = jnp.array(state.step, copy=True)  # the state is donated
        found: list[Metrics] = []
        for chunk in chunks(np.asarray(batches(state.step))):
            state, metrics = steps(state, step_key, chunk.examples, chunk.batches)
            if found:
                jax.block_until_ready(found[-1])  # no more chunks than two are under way
            found.append(metrics)
        return state, *summary(start, jax.tree.map(lambda *parts: jnp.concatenate(parts), *found))

    def compiled(state: TrainState, chunk: Chunk) -> None:
        jax.block_until_ready(batches(state.step))
        steps.lower(state, step_key, chunk.examples, chunk.batches).compile()

    return epoch, compiled
