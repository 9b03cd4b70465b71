"""Studies that end in a figure and a few lines: python -m vaex figure NAME, each in the file of its name."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from vaex.files import advising, replaced

from .abc import abc_figure
from .classifier import classifier_figure
from .free_form import free_form_figure
from .gmm import gmm_figure
from .inference_gap import inference_gap_figure
from .labels import labels_figure
from .linear_ae import linear_ae_figure
from .mnist_gap import mnist_gap_figure
from .novelty import novelty_figure
from .ppca import ppca_figure
from .snr import snr_figure
from .tables import tables_figure

STUDIES: dict[str, Callable[[], tuple[Figure, list[str]]]] = {
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
    "mnist_gap": mnist_gap_figure,
    "novelty": novelty_figure,
}


def draw(name: str, folder: Path) -> tuple[Path, list[str]]:
    """Run a study by its name -> where its figure lies, and its lines."""
    figure, lines = STUDIES[name]()
    path = folder / f"{name}.png"
    with advising(lambda: "make room there, or name another folder with ARGS=--out=FOLDER"), replaced(path) as file:
        figure.savefig(file, format="png", dpi=200)
    return path, lines
