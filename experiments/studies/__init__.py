"""Studies that end in a figure and a few lines: python -m vaex figure NAME, each in the file of its name."""

import functools
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from matplotlib.animation import Animation, PillowWriter
from matplotlib.figure import Figure

from vaex.choices import Choices
from vaex.errors import OptionError, UsageError
from vaex.files import advising, replaced

from .abc import abc_figure
from .aevb_2 import aevb_2_figure
from .aevb_3 import aevb_3_figure
from .aevb_4 import aevb_4_figure
from .aevb_5 import aevb_5_figure
from .classifier import classifier_figure
from .coverage import coverage_figure
from .free_form import free_form_figure
from .fullvb import fullvb_figure
from .gamma_elbo import gamma_elbo_figure
from .gmm import gmm_figure
from .gradients import gradients_figure
from .iwae import iwae_figure
from .labels import labels_figure
from .linear_ae import linear_ae_figure
from .missing import missing_figure
from .mnist_gap import mnist_gap_figure
from .novelty import novelty_figure
from .optimizers import optimizers_figure
from .posteriors import posteriors_figure
from .ppca import ppca_figure
from .rate_distortion import rate_distortion_figure
from .snr import snr_figure
from .spheres import spheres_figure
from .tables import tables_figure

# () -> the figure and lines of numbers; keyword-only parameters are options, --OPTION=VALUE.
STUDIES = Choices(
    {
        "snr": snr_figure,
        "ppca": ppca_figure,
        "linear_ae": linear_ae_figure,
        "classifier": classifier_figure,
        "labels": labels_figure,
        "gmm": gmm_figure,
        "tables": tables_figure,
        "coverage": coverage_figure,
        "free_form": free_form_figure,
        "abc": abc_figure,
        "mnist_gap": mnist_gap_figure,
        "missing": missing_figure,
        "novelty": novelty_figure,
        "gamma_elbo": gamma_elbo_figure,
        "gradients": gradients_figure,
        "posteriors": posteriors_figure,
        "fullvb": fullvb_figure,
        "rate_distortion": rate_distortion_figure,
        "iwae": iwae_figure,
        "spheres": spheres_figure,
        "optimizers": optimizers_figure,
        "aevb_2": aevb_2_figure,
        "aevb_3": aevb_3_figure,
        "aevb_4": aevb_4_figure,
        "aevb_5": aevb_5_figure,
    },
    what="study",
)


def draw(name: str, folder: Path, flags: Iterable[str] = ()) -> tuple[Path, list[str]]:
    """Run a study by its name -> where its figure lies, a PNG or an animated GIF, and its lines.

    Args:
        name: of the study.
        folder: where the figure is written.
        flags: --OPTION=VALUE, each an option of the study.

    Raises:
        UsageError: another option.
        OptionError: a value that the option cannot have.
    """
    drawn, lines = STUDIES[name](**_options(name, flags))
    suffix, write = _file(drawn)
    path = folder / f"{name}{suffix}"
    with advising(lambda: "make room there, or name another folder with ARGS=--out=FOLDER"), replaced(path) as file:
        write(file)
    return path, lines


def _options(name: str, flags: Iterable[str]) -> dict[str, Any]:
    fields, found = STUDIES.fields(name), {}
    for flag in flags:
        option, value = match.groups() if (match := re.fullmatch(r"--(\w+)=(.*)", flag)) else ("", "")
        if option not in fields:
            known = ", ".join(f"--{field.name}={field.default}" for field in fields.values())
            raise UsageError(f"unexpected argument {flag!r}: the study {name} has {known or 'no options'}")
        try:
            found[option] = fields[option].type(value)
        except ValueError:
            raise OptionError(f"--{option}", value, f"a value of type {fields[option].type.__name__}") from None
    return found


@functools.singledispatch
def _file(figure: Figure) -> tuple[str, Callable[[IO[bytes]], object]]:
    """How the name of a figure's file ends, and what writes it."""
    return ".png", lambda file: figure.savefig(file, format="png", dpi=200)


@_file.register(Animation)
def _(moving: Animation) -> tuple[str, Callable[[IO[bytes]], object]]:
    def write(file: IO[bytes]) -> None:
        with tempfile.TemporaryDirectory() as folder:  # a writer of matplotlib takes no open file
            path = Path(folder) / "moving.gif"
            moving.save(path, writer=PillowWriter(fps=8), dpi=100)
            file.write(path.read_bytes())

    return ".gif", write
