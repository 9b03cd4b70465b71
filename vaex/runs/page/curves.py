"""Curves of a page: numbers against epochs, updates or seconds, drawn by the page's own script."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from vaex.files import Json
from vaex.runs.page.document import bokeh
from vaex.runs.page.html import data, tag

_WORDS = {
    "elbo": "ELBO, nats per example",
    "bound": "the bound that training maximises, nats per example",
    "log_likelihood": "L_K, nats per example",
    "kl": "KL(q(z|x) || p(z)), nats per example",
    "log_px_z": "log p(x|z), nats per example",
    "loss": "loss, nats per example",
    "kl_per_layer": "KL of each layer, nats per example",
    "kl_per_dimension": "KL of each latent dimension, nats per example",
    "epoch_seconds": "seconds of an epoch",
}
_FIRST = ("elbo", "kl", "log_px_z", "loss")  # of a run the first two there are; the others stand below them
_CLOCKS = ("epoch", "seconds", "epoch_seconds")
_AS_ELBO = ("validation_elbo", "validation_log_likelihood")
Row = Mapping[str, Json]


class Line(NamedTuple):
    """A line of a panel."""

    name: str
    x: int  # which of the clocks
    y: Sequence[float | None]
    low: Sequence[float | None] | None = None  # of a band around it
    high: Sequence[float | None] | None = None


Clock = dict[str, Sequence[float | None]]  # epochs, updates where known, seconds
Panels = dict[str, list[Line]]


def clock(rows: Sequence[Row], num_steps: int | None) -> Clock:
    """What the curves of a run can be drawn against."""
    found: Clock = {"epochs": [row["epoch"] for row in rows]}
    if num_steps is not None:
        found["updates"] = [row["epoch"] * num_steps for row in rows]
    if all(row.get("seconds") is not None for row in rows):
        found["seconds"] = [_short(row["seconds"]) for row in rows]
    return found


def panels(rows: Sequence[Row]) -> Panels:
    """A panel for each metric of training, its validation beside it, the first ones first."""
    names = dict.fromkeys(name for row in rows for name in row if name not in _CLOCKS)
    found: Panels = {}
    for name in names:
        base = name.removeprefix("validation_")
        panel = "elbo" if name in _AS_ELBO and "elbo" in names else base
        said = "training" if name == base else "validation"
        said = "validation, L_K of the first 500" if name == "validation_log_likelihood" and panel == "elbo" else said
        found.setdefault(panel, []).extend(_lines(rows, name, said))
    order = [*(name for name in _FIRST if name in found), *sorted(set(found) - {*_FIRST})]
    return {_WORDS.get(name, name.replace("_", " ")): found[name] for name in order if found[name]}


def curves(clocks: Sequence[Clock], shown: Panels, *, first: int = 2) -> Markup:
    """Panels with what one chooses by: what they are against, logarithms, and the range."""
    if not bokeh():
        return tag("p", "The curves are drawn by Bokeh, which is not installed: pip install 'bokeh>=3.9', and again.")
    drawn = [
        {"title": title, "lines": [{k: v for k, v in line._asdict().items() if v is not None} for line in lines]}
        for title, lines in shown.items()
    ]
    return tag("div", data({"clocks": clocks, "panels": drawn, "first": first}), class_="curves")


def bars(title: str, axis: str, values: Sequence[float]) -> Markup:
    """One bar a value, from 1 on."""
    return tag("div", data({"bars": [_short(v) for v in values], "title": title, "axis": axis}), class_="curves")


def _lines(rows: Sequence[Row], name: str, said: str) -> list[Line]:
    """A line of a number, or one for each number of a list."""
    values = [row.get(name) for row in rows]
    lists = [value for value in values if type(value) is list]
    if not lists:
        return [Line(said, 0, [_short(v) for v in values])] if any(v is not None for v in values) else []
    of = lambda value, i: _short(value[i]) if type(value) is list and i < len(value) else None
    return [Line(f"{said}, {i + 1}", 0, [of(v, i) for v in values]) for i in range(min(len(lists[0]), 12))]


def _short(value: float | None) -> float | None:
    """Six digits, which a picture has no more of; None of what is not finite."""
    return float(f"{value:.6g}") if value is not None and abs(value) < float("inf") else None
