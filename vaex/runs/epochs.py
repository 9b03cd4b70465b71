"""An epoch of a run, compiled: of data in memory or on disk, on one host or on several."""

import functools
from collections.abc import Callable, Iterator

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from vaex.config.setup import Setup
from vaex.data.examples import reading
from vaex.data.streams.chunks import Chunk, blank, chunks, steps_per_chunk
from vaex.runs import console, devices, hosts
from vaex.train import Metrics, TrainState, train_epoch
from vaex.train.streamed import Epoch, streamed_epoch


def compiled_epoch(made: Setup, state: TrainState) -> Epoch:
    """An epoch of the run's data, compiled: on this host's devices, or on those of all hosts.

    There the state that goes in and comes out is this host's own copy, so that all but the epoch is as on one host.
    Before signals are noted, which wait for the end of an epoch; the first call then finds the program.
    """
    if not hosts.are_several():
        return _compiled(made, state, made.task.key)
    c = made.task.experiment.train
    mesh = devices.of_hosts(c.devices, c.batch_size)
    with hosts.reached(), jax.set_mesh(mesh):
        run = _compiled(made, devices.placed(state), devices.placed(made.task.key))
        alike = jax.jit(lambda tree: tree, out_shardings=NamedSharding(mesh, PartitionSpec()))

    def run_epoch(state: TrainState) -> tuple[TrainState, Metrics, jax.Array]:
        with hosts.reached(), jax.set_mesh(mesh):
            found = jax.block_until_ready(alike(run(devices.placed(state))))
        return jax.tree.map(lambda a: a.addressable_data(0), found)

    return run_epoch


def _compiled(made: Setup, state: TrainState, key: jax.Array) -> Epoch:
    task, batch_size = made.task, made.task.experiment.train.batch_size
    what = console.compiling(f"an epoch of {task.num_steps:,} steps")
    if task.dataset.records is None:
        stored = devices.placed(task.stored)
        step = functools.partial(train_epoch, recipe=made.recipe, batch_size=batch_size)
        run_epoch = jax.jit(step, donate_argnums=0)
        with what:
            run_epoch.lower(state, key, stored).compile()
        return lambda state: run_epoch(state, key, stored)
    read, put = reading(task.examples, task.dataset), devices.placer()
    few = read(np.arange(1))
    length = steps_per_chunk(task.num_steps, batch_size * sum(a.nbytes for a in jax.tree.leaves(few)))
    in_chunks: Callable[[np.ndarray], Iterator[Chunk]] = lambda order: chunks(order, length, read, put)
    sizes = {"num_examples": task.num_stored, "batch_size": batch_size}
    run_epoch, compiled = streamed_epoch(key, in_chunks, recipe=made.recipe, **sizes)
    with what:
        for steps in {length, task.num_steps % length} - {0}:
            compiled(state, put(blank(steps, batch_size, few)))
    return run_epoch
