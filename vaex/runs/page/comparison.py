"""The page of runs side by side, a section for each data set."""

import base64
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from vaex.runs.page.curves import Clock, Panels, curves
from vaex.runs.page.document import document
from vaex.runs.page.html import joined, section, table, tag

_ERRORS = (
    "± is one standard error: over seeds where there are several, else over test examples. “To the best” is the "
    "difference in the score that decides, paired where both were scored on the same draws of the same test examples."
)
_REFUSED = "Scores of different data are not compared: what follows has a section for each."


class Side(NamedTuple):
    """Runs of one data set, or what is alike of it."""

    name: str  # of the data
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]  # the first cell is what the runs are called
    fields: Mapping[str, Sequence[str]]  # what differs, a value for each row
    clocks: Sequence[Clock]
    panels: Panels
    pictures: Mapping[str, bytes]  # PNG files by what the runs are called


def comparison_page(sides: Sequence[Side], left_out: Sequence[str] = ()) -> str:
    """Runs side by side as one file of HTML.

    Args:
        sides: runs whose scores may be compared, each.
        left_out: what is said of runs that cannot be read.
    """
    num = sum(len(side.rows) for side in sides)
    top = [tag("h1", "Runs side by side"), tag("p", _ERRORS, class_="faint")]
    top += [tag("p", _REFUSED, class_="state")] if len(sides) > 1 else []
    top += [tag("p", said, class_="state wrong") for said in left_out]
    top += [] if num else [tag("p", "There are no runs.")]
    links = [(f"data-{i}", side.name) for i, side in enumerate(sides)]
    return document("Runs side by side", links, *top, *(_side(f"data-{i}", side) for i, side in enumerate(sides)))


def _side(name: str, side: Side) -> Markup:
    names = [row[0] for row in side.rows]
    find = tag("label", "filter ", tag("input", type="search", class_="filter"))
    choose = [tag("label", tag("input", type="checkbox", checked=True, value=name), " ", name) for name in names]
    chosen = tag("fieldset", tag("legend", "shown"), *choose, class_="choose")
    scores = table(side.heads, side.rows, class_="sortable")
    parts = [tag("div", find, class_="choices"), scores, chosen if len(names) > 1 else None]
    if side.fields:
        rows = [(field, *(tag("code", value) for value in values)) for field, values in side.fields.items()]
        parts += [tag("h3", "What differs in their configs"), table(["field", *names], rows)]
    parts += [
        tag("h3", "Curves"),
        tag("p", "A line is the mean of its seeds, and the band one standard error around it."),
    ]
    parts += [curves(side.clocks, side.panels) if side.panels else tag("p", "There are none: no epoch has ended yet.")]
    if side.pictures:
        parts += [
            tag("h3", "Pictures"),
            tag("div", joined(_picture(*one) for one in side.pictures.items()), class_="row"),
        ]
    return section(name, side.name, *parts)


def _picture(name: str, png: bytes) -> Markup:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    image = tag("img", src=source, alt=f"Images that {name} draws.", loading="lazy")
    return tag("figure", image, tag("figcaption", name), data_runs=name)
