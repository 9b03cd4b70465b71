"""The words of the command that sweeps and searches, read without what trains."""

import argparse
from collections.abc import Callable
from pathlib import Path

from vaex.errors import UsageError


def add_sweep(command: Callable[..., argparse.ArgumentParser], config_of: Callable[[str, list[str]], object]) -> None:
    """Add it to the command line.

    Args:
        command: (name, what runs it, about) -> its parser.
        config_of: (experiment, flags) -> config.
    """
    run = lambda arguments, flags: _sweep(arguments, flags, config_of)
    about = "train every combination of --sweep.FIELD=VALUE,VALUE or 0:8 in one program; a table at the end"
    sweep = command("sweep", run, about, takes_flags=True)
    sweep.add_argument("experiment", help="as of train")
    sweep.add_argument("--runs", default="runs", help="where run folders are made: runs")
    sweep.add_argument("--name", help="what it is called: its folder is runs/EXPERIMENT/sweep_NAME, or search_NAME")
    sweep.add_argument(
        "--search",
        type=int,
        help="runs that optuna tries; --sweep's values are a range then, 1e-4:1e-1, or choices, a,b",
    )
    sweep.add_argument(
        "--launch", choices=["slurm"], help="each run as a job of its own, by submitit: here where there is no Slurm"
    )


def _sweep(arguments: argparse.Namespace, flags: list[str], config_of: Callable[[str, list[str]], object]) -> None:
    from vaex.config.sweep import split_flags
    from vaex.runs.sweeps.sweep import sweep

    swept, others = split_flags(flags)
    if not swept:
        raise UsageError("a sweep needs --sweep.FIELD=VALUES, as in ARGS=--sweep.seed=0:8")
    config = config_of(arguments.experiment, others)
    name, runs = Path(arguments.experiment).stem, Path(arguments.runs)
    if arguments.launch and arguments.search is not None:
        raise UsageError("--search asks for values by what came before, and --launch trains all at once: give one")
    if arguments.launch:
        from vaex.runs.sweeps.launch import launch

        launch(config, swept, name, runs, called=arguments.name, command=arguments.words)
        return
    if arguments.search is None:
        sweep(config, swept, name, runs, called=arguments.name, command=arguments.words)
        return
    from vaex.runs.sweeps.search import search

    made = {"called": arguments.name, "command": arguments.words}
    search(config, swept, name, runs, num_trials=arguments.search, **made)
