"""The words of the command that trains one run, read without what trains."""

import argparse
from collections.abc import Callable
from pathlib import Path

from vaex.errors import UsageError
from vaex.runs.hosts import Hosts, said_hosts


def add_train(command: Callable[..., argparse.ArgumentParser], config_of: Callable[[str, list[str]], object]) -> None:
    """Add it to the command line; the arguments are those of add_sweep."""
    run = lambda arguments, flags: _train(arguments, flags, config_of)
    train = command("train", run, "train, evaluate and draw; --config.FIELD=VALUE changes fields", takes_flags=True)
    train.add_argument("experiment", nargs="?", help="experiments/NAME.py, or a .py file with a get_config()")
    train.add_argument("--run", default="", help="carry this run on instead, a finished one with more epochs")
    train.add_argument("--from", dest="start", default="", help="start from the parameters of this run")
    train.add_argument("--runs", help="where run folders are made: runs")
    train.add_argument("--name", help="what the run is called: its folder is runs/EXPERIMENT/TIME_NAME")
    train.add_argument("--coordinator", help="ADDRESS:PORT of process 0, where several train one run; auto under Slurm")
    train.add_argument("--num-processes", type=int, help="how many they are")
    train.add_argument("--process-id", type=int, help="which of them this is: 0, which writes, or another")
    train.set_defaults(hosts_of=_hosts_of)


def _train(arguments: argparse.Namespace, flags: list[str], config_of: Callable[[str, list[str]], object]) -> None:
    from vaex.runs import commands
    from vaex.runs.together import train_together

    if arguments.run and arguments.start:
        raise UsageError("--run carries a run on in its own folder, and --from starts a new one: give one of them")
    if bool(arguments.run) == bool(arguments.experiment) and not arguments.start:
        raise UsageError(
            "train needs an experiment's name, or --run with the folder of a run to carry on, and not both"
        )
    if arguments.start and arguments.coordinator:
        raise UsageError("--from starts a run of one process, and --coordinator is of several: give one of them")
    if arguments.run and arguments.runs:
        raise UsageError(
            "--runs says where a new run folder is made, and --run which one to carry on: give one of them"
        )
    if arguments.run and arguments.name is not None:
        raise UsageError("--name is a new run's, and --run carries one on, whose folder has its name: leave out --name")
    if arguments.run:
        commands.resume(arguments.run, flags, command=arguments.words)
        return
    name, runs = Path(arguments.experiment or "").stem, Path(arguments.runs or "runs")
    config = config_of(arguments.experiment, flags) if arguments.experiment else None
    if arguments.start:
        flags = [] if config else flags
        made = {"called": arguments.name, "command": arguments.words}
        commands.start_from(arguments.start, config, name, flags, runs, **made)
    else:
        train = train_together if arguments.coordinator else commands.train_new
        train(config, name, runs, called=arguments.name, command=arguments.words)


def _hosts_of(arguments: argparse.Namespace) -> Hosts | None:
    return said_hosts(arguments.coordinator, arguments.num_processes, arguments.process_id)
