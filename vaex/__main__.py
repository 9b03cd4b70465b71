"""The command line: vaex COMMAND, or python -m vaex COMMAND; `vaex --help` lists the commands."""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import vaex
from vaex.errors import LostProcess, UsageError
from vaex.runs.process import complain, flushed, interrupted, is_here_gone, unheard
from vaex.runs.process import run as run_process

if TYPE_CHECKING:
    import argparse


def main(argv: list[str] | None = None) -> int:
    """Run one command -> its exit code.

    0; 1 where nobody takes what it prints; 2 for what the user can mend; 3 where another of several processes was lost;
    130 for an interruption that saved nothing, and 143 where it was SIGTERM, which ends the process in `run`.
    """
    argv = sys.argv[1:] if argv is None else argv
    is_debugged = "--debug" in argv
    try:
        from vaex.runs.start import set_up_jax, with_args

        argv = with_args(argv)
        is_debugged = "--debug" in argv
        argv = [word for word in argv if word != "--debug"]
        arguments, rest = _parse(argv)
        arguments.words = shlex.join(["vaex", *argv])
        if rest and not arguments.takes_flags:
            raise UsageError(f"unexpected argument {rest[0]!r}: `vaex {arguments.command} --help` has those there are")
        hosts = arguments.hosts_of(arguments)
        set_up_jax(arguments.computes, on_each_core=arguments.command == "sweep", hosts=hosts)
        arguments.run_command(arguments, rest)
        return flushed(0)
    except UsageError as error:
        if is_debugged:
            traceback.print_exception(error)
        complain(str(error))
        return 3 if type(error) is LostProcess else 2
    except OSError as error:
        if is_debugged:
            traceback.print_exception(error)
        if is_here_gone():
            complain("the folder that this is called in is gone: go to another, as by `cd`, and call it again")
        elif error.filename is None and error.errno is not None:  # no file's, and no library's own words
            return unheard(error)
        else:
            complain(f"{error.filename or 'a file'} cannot be read or written: {error.strerror or error}")
        return 2
    except KeyboardInterrupt:
        complain(interrupted())
        return 130


def run() -> NoReturn:
    """The command in a process of its own: `python -m vaex` and the script `vaex`."""
    run_process(main)


def _show_config(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.config import describe
    from vaex.config.root import ROOT
    from vaex.config.section import call
    from vaex.runs.experiments import load_experiment

    config = _config(arguments.experiment, flags)
    call(ROOT, config)  # which says what no field can be
    print(describe(config, load_experiment(arguments.experiment)))


def _figure(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs import console
    from vaex.runs.experiments import load_studies

    path, lines = load_studies().draw(arguments.name, Path(arguments.out), flags)
    for line in [*lines, str(path)]:
        console.say(line)


def _table(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs.experiments import load_studies
    from vaex.runs.reports.tables import lines_table

    path, lines = load_studies().draw(arguments.name, Path(arguments.out), flags)
    print(lines_table(lines), f"figure: {path}", sep="\n\n")


def _report(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs.reports.kept import keep
    from vaex.runs.reports.report import write_report

    if arguments.run:
        keep(Path(arguments.run), Path())
    write_report(Path())


def _config(experiment: str, flags: list[str]) -> object:
    from vaex.config import override
    from vaex.runs import console
    from vaex.runs.experiments import load_experiment

    return override(load_experiment(experiment), flags, log=console.say)


def _parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The arguments, and those that are unknown; --help is printed here, since argparse is silent where it cannot."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            return _parser().parse_known_args(argv)
    except SystemExit:
        sys.stdout.write(printed.getvalue())
        raise


def _parser() -> argparse.ArgumentParser:
    import argparse

    from vaex.runs.command_line import Parser
    from vaex.runs.command_line.asking import add_commands
    from vaex.runs.command_line.sweep_words import add_sweep
    from vaex.runs.command_line.train_words import add_train
    from vaex.runs.experiments import about_experiments, about_studies

    known = "\n".join(f"  {name:18} {about}" for name, about in about_experiments().items())
    parser = Parser(
        prog="vaex",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Variational autoencoders in JAX. make COMMAND EXP=... (RUN=..., INPUT=..., NAME=...) ARGS=...",
        epilog=f"--debug shows the traceback of an error\n\nexperiments (EXP):\n{known}",
    )
    parser.add_argument("--version", action="version", version=f"vaex {vaex.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run, about: str, *, takes_flags: bool = False, computes: bool = True):
        added = commands.add_parser(name, help=about, allow_abbrev=False)
        added.set_defaults(run_command=run, takes_flags=takes_flags, computes=computes, hosts_of=lambda _: None)
        return added

    add_train(command, _config)
    add_sweep(command, _config)
    shown = command(
        "config", _show_config, "print every field, its value and its meaning", takes_flags=True, computes=False
    )
    shown.add_argument("experiment", help="as of train")
    add_commands(command)
    about = "; ".join(f"{name}: {shows}" for name, shows in about_studies().items())
    for study in (
        command("figure", _figure, "run a study and draw its figure; --OPTION=VALUE if it has any", takes_flags=True),
        command("table", _table, "the same, its numbers as a Markdown table", takes_flags=True),
    ):
        study.add_argument("name", choices=list(about_studies()), help=about)
        study.add_argument("--out", default="runs/figures", help="where the figure is written: runs/figures")
    report = command("report", _report, "write the tables of README and docs from docs/results/", computes=False)
    report.add_argument("--run", default="", help="make this run the reported one of its experiment first")
    return parser


if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder that `python -m vaex` is called in, where anybody's orbax.py may lie
    run()
