"""Eight seeds in one program against eight runs one after another, on as many devices as a CPU has cores."""

import functools
import os
import statistics
import subprocess
import sys
import time

SEEDS, ROUNDS, EPOCHS = 8, 7, 2
NAMES = ("mnist_bernoulli", "mnist_elbo")  # in batches of 1,000 by Muon, nearly all products; of 100 by Adam


def main() -> None:
    """In a process of its own, which has a device for each core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    env = {"JAX_NUM_CPU_DEVICES": str(cores)} | os.environ
    subprocess.run([sys.executable, "-m", "tests.bench.sweep"], env=env, check=True)


def measure(name: str) -> None:
    """Epochs of an experiment without its checkpoints, seeds by turns together and one after another."""
    import jax
    import jax.numpy as jnp

    from vaex.config import override
    from vaex.config.program import program
    from vaex.runs.experiments import load_experiment
    from vaex.train import train_epoch
    from vaex.train.members import each_member, for_members, shared, spread

    run = program(override(load_experiment(name), ["--config.data.num_validation=50000"]))
    task = run.made.task
    mesh = for_members(SEEDS)
    keys = jax.vmap(jax.random.key)(jnp.arange(SEEDS))
    images = jnp.asarray(task.dataset.train.images)
    together = jax.jit(each_member(lambda state, key, images: run.epoch(state, key, {}, images), mesh))
    apart = jax.jit(functools.partial(train_epoch, recipe=run.made.recipe, batch_size=task.experiment.train.batch_size))
    start = jax.jit(jax.vmap(lambda key: run.init(key, {})))(keys)
    states = [jax.tree.map(lambda a, i=i: a[i], start) for i in range(SEEDS)]
    own, everywhere = (spread(start, mesh), spread(keys, mesh)), (shared(images, mesh),)
    stored = jax.tree.map(jnp.asarray, task.stored)

    def in_one_program() -> None:
        for _ in range(EPOCHS):
            jax.block_until_ready(together(own, everywhere))

    def one_after_another() -> None:
        for key, state in zip(keys, states, strict=True):
            for _ in range(EPOCHS):
                jax.block_until_ready(apart(state, key, stored))

    times: dict[str, list[float]] = {"together": [], "apart": []}
    for system in (in_one_program, one_after_another):
        system()
    for _ in range(ROUNDS):
        for how, system in (("together", in_one_program), ("apart", one_after_another)):
            begin = time.perf_counter()
            system()
            times[how].append(time.perf_counter() - begin)
    ratios = [a / b for a, b in zip(times["together"], times["apart"], strict=True)]
    what = f"{SEEDS} seeds of {name} in one program, on {mesh.size} {jax.devices()[0].device_kind} devices"
    spread_of = f"{min(ratios):.2f} to {max(ratios):.2f}"
    took = f"{statistics.median(times['together']):.1f} s and {statistics.median(times['apart']):.1f} s"
    print(
        f"{what}: time to that of {SEEDS} runs one after another {statistics.median(ratios):.2f} ({spread_of}; {took})"
    )


if __name__ == "__main__":
    for experiment in NAMES:
        measure(experiment)
