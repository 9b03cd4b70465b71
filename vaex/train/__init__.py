"""Training as pure functions: a step, an epoch, the loop and its schedules."""

from vaex.train.optimizers import OPTIMIZERS, check_options, tried
from vaex.train.schedules import RATES, SCHEDULES
from vaex.train.step import Metrics, Recipe, TrainState, init_state, train_epoch, train_step

__all__ = [
    "OPTIMIZERS",
    "RATES",
    "SCHEDULES",
    "Metrics",
    "Recipe",
    "TrainState",
    "check_options",
    "init_state",
    "train_epoch",
    "train_step",
    "tried",
]
