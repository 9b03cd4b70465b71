"""A run that several processes train, in a folder that the same command finds again."""

from pathlib import Path

from vaex.config import Config
from vaex.config.fields import checksum
from vaex.config.setup import setup
from vaex.files import advising
from vaex.runs import commands, devices, folder, hosts, results
from vaex.runs.alike import check_alike
from vaex.runs.create import check_name, fill_run, point_latest
from vaex.runs.training import train


def train_together(config: Config, name: str, runs: Path, *, called: str | None = None, command: str = "") -> Path:
    """Train on all hosts, from the newest checkpoint where there is one; the first evaluates, draws and writes.

    Args:
        config: what to train.
        name: of the experiment.
        runs: where run folders are made, which all hosts see.
        called: what the run is called.
        command: that it is made by.

    Returns:
        runs/NAME/hosts_CALLED, or with a checksum of the config for a name.
    """
    check_name(called)
    check_alike(config, experiment=name, **{"--name": called})
    made = setup(config)
    results.check_selection(made)
    devices.of_hosts(made.task.experiment.train.devices, made.task.experiment.train.batch_size)
    path = runs / name / f"hosts_{called or f'{checksum(config):08x}'}"
    if hosts.is_first():
        with advising(lambda: "make room there, or name another with ARGS=--runs=FOLDER"):
            fill_run(path, config, lambda: commands.describe(made.task, name))
        point_latest(runs, path)
    hosts.any_of(False)  # by now it is there
    path = folder.open_run(path)
    newest = folder.newest_checkpoint(path)
    check_alike(config, **{"the newest checkpoint": 0 if newest is None else newest.name})
    commands.check_data(path, made.task)
    return train(path, made, command=command)
