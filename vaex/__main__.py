"""The command line: vaex COMMAND, or python -m vaex COMMAND; `vaex --help` lists the commands."""

import argparse
import os
import sys
from pathlib import Path

from vaex.errors import UsageError
from vaex.runs.experiments import about_experiments, about_studies


def main(argv: list[str] | None = None) -> int:
    """Run one command -> its exit code: 0, 2 for what the user can mend, 130 for an interruption that saved nothing."""
    arguments, rest = _parser().parse_known_args(argv)
    try:
        if rest and not arguments.takes_flags:
            raise UsageError(f"unexpected argument {rest[0]!r}: `vaex {arguments.command} --help` has those there are")
        _set_up_jax()
        arguments.run_command(arguments, rest)
    except UsageError as error:
        print(f"vaex: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("vaex: interrupted", file=sys.stderr)
        return 130
    return 0


def _train(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs import commands

    if bool(arguments.run) == bool(arguments.experiment):
        raise UsageError(
            "train needs an experiment's name, or --run with the folder of a run to carry on, and not both"
        )
    if arguments.run and arguments.runs:
        raise UsageError(
            "--runs says where a new run folder is made, and --run which one to carry on: give one of them"
        )
    if arguments.run and flags:
        raise UsageError(f"unexpected argument {flags[0]!r}: only a new training run takes --config.FIELD=VALUE")
    if arguments.run:
        commands.resume(arguments.run)
    else:
        config = _config(arguments.experiment, flags)
        commands.train_new(config, Path(arguments.experiment).stem, Path(arguments.runs or "runs"))


def _show_config(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.config import describe
    from vaex.runs.experiments import load_experiment

    print(describe(_config(arguments.experiment, flags), load_experiment(arguments.experiment)))


def _evaluate(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs import commands

    commands.evaluate(arguments.run)


def _sample(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs import sampling

    sampling.sample(arguments.run, arguments.num_samples, arguments.seed, arguments.label)


def _figure(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs import console
    from vaex.runs.experiments import load_studies

    path, lines = load_studies().draw(arguments.name, Path(arguments.out))
    for line in [*lines, str(path)]:
        console.say(line)


def _report(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs.report import keep, write_report

    if arguments.run:
        keep(Path(arguments.run), Path())
    write_report(Path())


def _config(experiment: str, flags: list[str]) -> object:
    from vaex.config import override
    from vaex.runs import console
    from vaex.runs.experiments import load_experiment

    return override(load_experiment(experiment), flags, log=console.say)


def _parser() -> argparse.ArgumentParser:
    known = "\n".join(f"  {name:18} {about}" for name, about in about_experiments().items())
    parser = argparse.ArgumentParser(
        prog="vaex",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Variational autoencoders in JAX. By make: make COMMAND EXP=... (or RUN=..., NAME=...) ARGS='...'",
        epilog=f"experiments (EXP):\n{known}",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run, about: str, *, takes_flags: bool = False) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, allow_abbrev=False)
        added.set_defaults(run_command=run, takes_flags=takes_flags)
        return added

    train = command("train", _train, "train, evaluate and draw; --config.FIELD=VALUE changes fields", takes_flags=True)
    train.add_argument("experiment", nargs="?", help="experiments/NAME.py, or a .py file with a get_config()")
    train.add_argument("--run", default="", help="carry this run folder on instead")
    train.add_argument("--runs", help="where run folders are made: runs")
    shown = command("config", _show_config, "print every field, its value and its meaning", takes_flags=True)
    shown.add_argument("experiment", help="as of train")
    command("evaluate", _evaluate, "scores and figures of a run again").add_argument("run")
    sample = command("sample", _sample, "draw from the prior of a run")
    sample.add_argument("run")
    sample.add_argument("--num-samples", type=int, default=100)
    sample.add_argument("--seed", type=int, default=0)
    sample.add_argument("--label", type=int, help="where labels are the condition: the one to draw; each in turn")
    figure = command("figure", _figure, "run a study and draw its figure")
    about = "; ".join(f"{name}: {shows}" for name, shows in about_studies().items())
    figure.add_argument("name", choices=list(about_studies()), help=about)
    figure.add_argument("--out", default="runs/figures", help="where the figure is written: runs/figures")
    report = command("report", _report, "write the tables of README and docs from docs/results/")
    report.add_argument("--run", default="", help="make this run the reported one of its experiment first")
    return parser


def _set_up_jax() -> None:
    """Compiled programs are kept between runs, unless the user has set JAX's own variable for it."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        from vaex.data.cache import cache_dir

        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache_dir() / "jax")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


if __name__ == "__main__":
    sys.exit(main())
