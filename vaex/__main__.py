"""The command line: python -m vaex train EXPERIMENT, train --run RUN, evaluate RUN, sample RUN, figure NAME."""

import argparse
import os
import sys
from pathlib import Path

from vaex.runs.experiments import about_studies, load_studies


def main(argv: list[str] | None = None) -> int:
    """Run one command -> its exit code: 0, 2 for what the user can mend, 130 for an interruption that saved nothing."""
    arguments, rest = _parser().parse_known_args(argv)
    from vaex.errors import UsageError

    try:
        _set_up_jax()
        _run(arguments, rest)
    except UsageError as error:
        print(f"vaex: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("vaex: interrupted", file=sys.stderr)
        return 130
    return 0


def _run(arguments: argparse.Namespace, rest: list[str]) -> None:
    from vaex.errors import UsageError

    if rest and (arguments.command != "train" or arguments.run):
        raise UsageError(f"unexpected argument {rest[0]!r}: only a new training run takes --config.FIELD=VALUE")
    if arguments.command == "train" and bool(arguments.run) == bool(arguments.experiment):
        raise UsageError(
            "train needs an experiment's name, or --run with the folder of a run to carry on, and not both"
        )
    if arguments.command == "train" and arguments.run and arguments.runs:
        raise UsageError(
            "--runs says where a new run folder is made, and --run which one to carry on: give one of them"
        )
    if arguments.command == "train" and not arguments.run:
        from vaex.config import override
        from vaex.runs import commands, console
        from vaex.runs.experiments import load_experiment

        config = override(load_experiment(arguments.experiment), rest, log=console.say)

        commands.train_new(config, Path(arguments.experiment).stem, Path(arguments.runs or "runs"))
        return
    if arguments.command == "figure":
        from vaex.runs import console

        path, lines = load_studies().draw(arguments.name, Path(arguments.out))
        for line in [*lines, str(path)]:
            console.say(line)
        return
    from vaex.runs import commands

    if arguments.command == "train":
        commands.resume(arguments.run)
    elif arguments.command == "evaluate":
        commands.evaluate(arguments.run)
    else:
        from vaex.runs import sampling

        sampling.sample(arguments.run, arguments.num_samples, arguments.seed, arguments.label)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vaex", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train, evaluate and draw", allow_abbrev=False)
    train.add_argument(
        "experiment",
        nargs="?",
        help="experiments/NAME.py, or a .py file with a get_config(); then --config.FIELD=VALUE",
    )
    train.add_argument("--run", default="", help="carry this run folder on instead")
    train.add_argument("--runs", help="where run folders are made: runs")
    evaluate = commands.add_parser("evaluate", help="evaluate and draw again", allow_abbrev=False)
    evaluate.add_argument("run")
    figure = commands.add_parser("figure", help="run a study and draw its figure", allow_abbrev=False)
    about = "; ".join(f"{name}: {shows}" for name, shows in about_studies().items())
    figure.add_argument("name", choices=list(about_studies()), help=about)
    figure.add_argument("--out", default="runs/figures", help="where the figure is written: runs/figures")
    sample = commands.add_parser("sample", help="draw from the prior", allow_abbrev=False)
    sample.add_argument("run")
    sample.add_argument("--num-samples", type=int, default=100)
    sample.add_argument("--seed", type=int, default=0)
    sample.add_argument("--label", type=int, help="where labels are the condition: the one to draw; each in turn")
    return parser


def _set_up_jax() -> None:
    """Compiled programs are kept between runs, unless the user has set JAX's own variable for it."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        from vaex.data.cache import cache_dir

        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache_dir() / "jax")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


if __name__ == "__main__":
    sys.exit(main())
