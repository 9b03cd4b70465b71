"""Seconds of training until an ELBO of -95 nats on validation images: mnist_bernoulli here, and PyTorch's at its best.

Both train the same network on the same images, along a cosine, and neither's compilation nor validation is counted.
PyTorch has Adam and its own Muon, each eager or compiled, whichever takes its steps faster, and ends at the latest when
it has had as many times vaex's seconds as would be the aim.
"""

import importlib.util
import itertools
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench.training import torch_loss
from vaex.config import override
from vaex.config.program import program
from vaex.data import Dataset
from vaex.runs.experiments import load_experiment

TARGET, EPOCHS, AIM = -95.0, 40, 3
STEPS_TRIED = 60
LATENT, WIDTHS = 50, (784, 200, 200)


class Setting(NamedTuple):
    """An optimizer of PyTorch, by the setting that mnist_bernoulli has it or had it with."""

    name: str
    learning_rate: float
    batch_size: int
    num_epochs: int  # of the cosine


SETTINGS = (Setting("Muon", 3e-2, 1000, EPOCHS), Setting("Adam", 4e-3, 100, 100))


def of_vaex() -> tuple[float, float, Dataset]:
    """Its seconds, the ELBO then, and what it was trained on."""
    run = program(override(load_experiment("mnist_bernoulli"), [f"--config.train.num_epochs={EPOCHS}"]))
    dataset, key = run.made.task.dataset, jax.random.key(0)
    images = jnp.asarray(dataset.train.images)
    state = jax.jit(run.init)(key, {})
    epoch = jax.jit(run.epoch).lower(state, key, {}, images).compile()
    measure = jax.jit(run.measure)
    elbo, seconds = -math.inf, 0.0
    for _ in range(EPOCHS):
        start = time.perf_counter()
        state, *_ = jax.block_until_ready(epoch(state, key, {}, images))
        seconds += time.perf_counter() - start
        if (elbo := float(measure(state.params, key, {})["elbo"])) >= TARGET:
            break
    return seconds, elbo, dataset


class Training(NamedTuple):
    """A training of PyTorch's."""

    take: Callable[[int], float]  # (number of steps) -> the seconds that they took
    elbo: Callable[[], float]  # of the validation images
    num_steps: int  # of an epoch


def of_torch(setting: Setting, dataset: Dataset, *, compiled: bool) -> Training:
    """The same network, data in memory, its loss and the gradient compiled or not."""
    import torch

    torch.manual_seed(0)
    encoder, decoder = network(WIDTHS, 2 * LATENT), network((LATENT, *WIDTHS[:0:-1]), WIDTHS[0])
    train, held_out = (torch.from_numpy(s.images.reshape(-1, 784).copy()) for s in (dataset.train, dataset.validation))
    num_steps = len(train) // setting.batch_size
    optimizers = optimizers_of(setting, [*encoder.parameters(), *decoder.parameters()])
    total = setting.num_epochs * num_steps
    schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(one, total) for one in optimizers]

    loss_of = torch_loss(encoder, decoder)
    run = torch.compile(loss_of) if compiled else loss_of
    run(train[: setting.batch_size]).backward()  # which compiles it

    def take(number: int) -> float:
        start = time.perf_counter()
        for indices in torch.randperm(len(train)).split(setting.batch_size)[:number]:
            for one in optimizers:
                one.zero_grad(set_to_none=True)
            run(train[indices]).backward()
            for one in (*optimizers, *schedules):
                one.step()
        return time.perf_counter() - start

    def elbo() -> float:
        with torch.no_grad():
            return -float(np.mean([float(loss_of(held_out)) for _ in range(5)]))

    return Training(take, elbo, num_steps)


def seconds_of_torch(setting: Setting, dataset: Dataset, limit: float) -> tuple[str, float, float]:
    """Its name, eager or compiled as is faster, its seconds until the target or the limit, and the ELBO then."""
    tried = {way: of_torch(setting, dataset, compiled=way).take(STEPS_TRIED) for way in (False, True)}
    compiled = tried[True] < tried[False]
    training = of_torch(setting, dataset, compiled=compiled)
    seconds, elbo = 0.0, -math.inf
    for _ in range(setting.num_epochs):
        seconds += training.take(training.num_steps)
        if (elbo := training.elbo()) >= TARGET or seconds > limit:
            break
    return f"PyTorch, {setting.name}, {'compiled' if compiled else 'eager'}", seconds, elbo


def network(widths: tuple[int, ...], out: int) -> Any:
    """Tanh layers, and a last one without."""
    from torch import nn

    hidden = [layer for n, m in itertools.pairwise(widths) for layer in (nn.Linear(n, m), nn.Tanh())]
    return nn.Sequential(*hidden, nn.Linear(widths[-1], out))


def optimizers_of(setting: Setting, parameters: list[Any]) -> list[Any]:
    """Fused Adam of all, or Muon of the matrices and Adam of the rest."""
    import torch

    rate = setting.learning_rate
    if setting.name == "Adam":
        return [torch.optim.Adam(parameters, lr=rate, fused=True)]
    matrices, rest = ([p for p in parameters if (p.ndim == 2) == is_matrix] for is_matrix in (True, False))
    muon = torch.optim.Muon(matrices, lr=rate, weight_decay=0.0, adjust_lr_fn="original")
    return [muon, torch.optim.Adam(rest, lr=rate, fused=True)]


def main() -> None:
    """Each system's seconds, and how many times those of vaex they are."""
    seconds, elbo, dataset = of_vaex()
    rows = [("vaex, Muon", seconds, elbo)]
    if importlib.util.find_spec("torch"):
        rows += [seconds_of_torch(setting, dataset, AIM * seconds) for setting in SETTINGS]
    else:
        print("PyTorch is not installed, so it is left out: .venv/bin/python -m pip install torch")
    title = f"mnist_bernoulli's network, until a validation ELBO of {TARGET:.0f} nats"
    out = Table("system", "seconds", "to vaex's", "ELBO then", title=title, title_justify="left")
    for name, found, reached in rows:
        more = "" if reached >= TARGET else "more than "
        out.add_row(name, f"{more}{found:.0f}", f"{more}{found / seconds:.1f}", f"{reached:.2f}")
    Console().print(out)
