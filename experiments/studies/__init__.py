"""Studies that end in a figure and a few lines: python -m vaex figure NAME, each in the file of its name."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from matplotlib.animation import Animation, PillowWriter
from matplotlib.figure import Figure

from vaex.files import advising, replaced

from .abc import abc_figure
from .classifier import classifier_figure
from .free_form import free_form_figure
from .fullvb import fullvb_figure
from .gamma_elbo import gamma_elbo_figure
from .gmm import gmm_figure
from .gradients import gradients_figure
from .inference_gap import inference_gap_figure
from .labels import labels_figure
from .linear_ae import linear_ae_figure
from .ppca import ppca_figure
from .snr import snr_figure
from .tables import tables_figure

STUDIES: dict[str, Callable[[], tuple[Figure | Animation, list[str]]]] = {
    "snr": snr_figure,
    "ppca": ppca_figure,
    "linear_ae": linear_ae_figure,
    "classifier": classifier_figure,
    "labels": labels_figure,
    "gmm": gmm_figure,
    "tables": tables_figure,
    "free_form": free_form_figure,
    "abc": abc_figure,
    "inference_gap": inference_gap_figure,
    "gamma_elbo": gamma_elbo_figure,
    "gradients": gradients_figure,
    "fullvb": fullvb_figure,
}


def draw(name: str, folder: Path) -> tuple[Path, list[str]]:
    """Run a study by its name -> where its figure lies, a PNG or an animated GIF, and its lines."""
    drawn, lines = STUDIES[name]()
    suffix, write = _file(drawn)
    path = folder / f"{name}{suffix}"
    with advising(lambda: "make room there, or name another folder with ARGS=--out=FOLDER"), replaced(path) as file:
        write(file)
    return path, lines


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
