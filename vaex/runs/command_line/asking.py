"""The words of the commands that ask a trained run: what stands behind each, read without what answers them."""

import argparse
from collections.abc import Callable
from pathlib import Path

_ABOUT = {
    "encode": "means and variances of q(z|x) of images or rows: npz and CSV",
    "reconstruct": "what a run makes of images or rows: npz and png, of rows CSV",
    "interpolate": "paths between pairs of images or rows: npz and png",
    "score": "log p(x) of each image or row, with the error of its estimate: npz and CSV",
    "impute": "what is missing of images or rows: npz and png, of rows CSV",
    "classify": "labels of images by M2 or M1+M2, with their probabilities: npz and CSV",
}


def add_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add them to the command line, by a function of (name, what runs it, about)."""
    evaluate = command("evaluate", _evaluate, "scores and figures of a run again, or its scores on other images")
    evaluate.add_argument("run")
    add_input(evaluate)
    evaluate.add_argument("--num-samples", type=int, help="importance samples; else evaluate.num_samples of its config")
    sample = command("sample", _sample, "draw from the prior of a run")
    sample.add_argument("run")
    sample.add_argument("--num-samples", type=int, default=100)
    sample.add_argument("--seed", type=int, default=0)
    sample.add_argument(
        "--label", help="where labels are the condition: which to draw, by its number or text; unset, each in turn"
    )
    sample.add_argument("--temperature", type=float, default=1.0, help="by which the deviation of z is multiplied: 1")
    certify = command("certify", _certify, "bounds from below and above on log p(x) of a run's model: JSON and png")
    certify.add_argument("run")
    add_input(certify)
    certify.add_argument("--num-images", type=int, default=100, help="images of the test, and drawn by the model: 100")
    certify.add_argument("--seed", type=int, default=0)
    certify.add_argument("--num-temperatures", type=int, default=400, help="of an annealed chain: 400")
    certify.add_argument("--num-chains", type=int, default=16, help="of each image, there and back: 16")
    certify.add_argument("--num-samples", type=int, default=100_000, help="importance samples, the largest K: 100,000")
    shown = command("open", _open, "show a run's page, index.html in its folder, in a browser", computes=False)
    shown.add_argument("run")
    compared = command("compare", _compare, "runs side by side: a table, and a page", computes=False)
    compared.add_argument("--of", default="", help="run folders or patterns of them, between spaces: all in runs/")
    compared.add_argument("--out", default="runs/comparison.html", help="the page: runs/comparison.html")
    forms = compared.add_mutually_exclusive_group()
    for form, about in (("csv", "print the table as CSV alone"), ("latex", "print it as LaTeX alone, by booktabs")):
        forms.add_argument(f"--{form}", dest="form", action="store_const", const=form, default="", help=about)
    for name, about in _ABOUT.items():
        added = command(name, _answer, about)
        added.add_argument("run")
        add_input(added)
        added.add_argument("--seed", type=int, default=0)
        if name in ("score", "impute"):
            default = {"score": 500, "impute": 1000}[name]
            either = added.add_mutually_exclusive_group()
            either.add_argument("--num-samples", type=int, default=default, help=f"importance samples: {default}")
            if name == "score":
                about = "annealed importance sampling in the place of L_K, and its number of temperatures: 200"
                either.add_argument("--ais", type=int, nargs="?", const=200, help=about)
        if name == "interpolate":
            added.add_argument("--steps", type=int, default=9, help="images of a path, both ends among them: 9")
        if name == "impute":
            about = "the fraction to hide; else what is nan or empty, or where a mask in the npz file is False"
            added.add_argument("--missing", type=float, help=about)


def add_input(parser: argparse.ArgumentParser) -> None:
    """The images or rows that a command is about."""
    files = "NAME.npz, NAME.npy, folder:PATH, of rows NAME.csv or NAME.parquet"
    about = f"{files}, or a data set; else the run's test split (make: INPUT=...)"
    parser.add_argument("--input", default="", help=about)


def _evaluate(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs import commands

    commands.evaluate(arguments.run, arguments.input, arguments.num_samples)


def _sample(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs.answers import sampling

    sampling.sample(arguments.run, arguments.num_samples, arguments.seed, arguments.label, arguments.temperature)


def _certify(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs.answers.certifying import certify

    sizes = ("num_images", "seed", "num_temperatures", "num_chains", "num_samples")
    certify(arguments.run, arguments.input, **{name: vars(arguments)[name] for name in sizes})


def _open(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs.page_file import open_page

    open_page(arguments.run)


def _compare(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs.reports.compare import compare

    compare(arguments.of, Path(arguments.out), form=arguments.form)


def _answer(arguments: argparse.Namespace, flags: list[str]) -> None:
    from vaex.runs.answers.answering import answer
    from vaex.runs.answers.asked import Asked

    options = {name: value for name, value in vars(arguments).items() if name in Asked._fields}
    answer(arguments.command, arguments.run, arguments.input, Asked(**options))
