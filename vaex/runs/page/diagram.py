"""The directed graph of a model, drawn: latents as circles, what is observed shaded, p solid and q dashed."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from markupsafe import Markup

from vaex.model import Params
from vaex.models.structure import LATENT, OBSERVED, PARTLY, Counts, Factor, Structure, Variable, count
from vaex.runs.page.arrows import ACROSS, RADIUS, Place, arrow, reach
from vaex.runs.page.html import joined, tag

_SIDE, _LINE, _CHARACTERS = 142, 16, 21  # the width of a column of words, the height of a line, letters in one
_LEAST, _STUB = 46, 30  # between two rows, above the first
_SHADE = {"fill": "currentColor", "fill_opacity": 0.16}


class _Row(NamedTuple):
    """Nodes beside one another, and the words above them: of p at the left, of q at the right."""

    names: list[str]
    of_p: list[list[str]]
    of_q: list[list[str]]


def diagram(structure: Structure, params: Params) -> Markup:
    """The graph as SVG, and under it the numbers.

    Args:
        structure: of a model.
        params: its parameters, or their shapes.
    """
    counts = count(structure, params)
    rows = _rows(structure, counts)
    half = max(ACROSS / 2 * max(len(row.names) for row in rows), reach(len(rows) - 1)) + 6
    middle = _SIDE + half
    tops = [*accumulate((_gap(row, i == 0) + 2 * RADIUS for i, row in enumerate(rows)), initial=0)]
    places = {
        name: Place(middle + ACROSS * (i - (len(row.names) - 1) / 2), top - RADIUS, at)
        for at, (row, top) in enumerate(zip(rows, tops[1:], strict=True))
        for i, name in enumerate(row.names)
    }
    gaps = [(top, below - 2 * RADIUS) for top, below in pairwise(tops)]
    words = [
        _column(texts, sum(gap) / 2, x, anchor)
        for row, gap in zip(rows, gaps, strict=True)
        for texts, x, anchor in ((row.of_p, _SIDE, "end"), (row.of_q, 2 * middle - _SIDE, "start"))
    ]
    lines = [arrow(places, name, f.of, f.is_recognition) for f in structure.factors for name in f.given or (f.of,)]
    nodes = [_node(variable, places[variable.name]) for variable in structure.variables]
    told = " ".join(_told(structure, counts))
    svg = _svg(2 * middle, tops[-1] + 4, told, [*lines, *nodes, *words])
    legend = [tag("p", line) for line in _legend(structure, counts)]
    return tag("figure", svg, tag("figcaption", *legend), class_="model")


def _rows(structure: Structure, counts: Counts) -> list[_Row]:
    """Those that depend on nothing first; what p knows nothing of lies beside what comes last."""
    of_p = [factor for factor in structure.factors if not factor.is_recognition]
    depth = dict.fromkeys((name for factor in of_p for name in (factor.of, *factor.given)), 0)
    for _ in depth:
        for factor in of_p:
            depth[factor.of] = max([depth[factor.of], *(depth[name] + 1 for name in factor.given)])
    last = max(depth.values(), default=0)
    rows = [_Row([], [], []) for _ in range(last + 1)]
    for variable in structure.variables:
        rows[depth.get(variable.name, last)].names.append(variable.name)
    for factor, number in zip(structure.factors, counts.factors, strict=True):
        at = depth.get(factor.of, last)
        if factor.is_recognition:
            rows[min(at + 1, last)].of_q.append(_words(factor, number))
        else:
            rows[at].of_p.append(_words(factor, number))
    return rows


def _words(factor: Factor, number: int) -> list[str]:
    return [factor.name, *textwrap.wrap(", ".join(factor.by), _CHARACTERS), f"{number:,} parameters"]


def _gap(row: _Row, is_first: bool) -> float:
    """How much is left above a row, of whose own height the words take half."""
    if is_first and not row.of_p and not row.of_q:
        return 4
    return max(_STUB if is_first else _LEAST, *(_height(texts) - RADIUS * (not is_first) for texts in row[1:])) + 4


def _height(texts: list[list[str]]) -> float:
    return _LINE * (sum(map(len, texts)) + 0.6 * max(len(texts) - 1, 0))


def _column(texts: list[list[str]], middle: float, x: float, anchor: str) -> Markup:
    """What computes each of some factors, and how many parameters it has."""
    y, parts = middle - _height(texts) / 2 + 0.75 * _LINE, []
    for lines in texts:
        for i, line in enumerate(lines):
            size = {"font_size": 14, "font_weight": 600} if i == 0 else {"font_size": 12}
            parts.append(tag("text", *_subscripted(line), x=round(x, 1), y=round(y, 1), text_anchor=anchor, **size))
            y += _LINE
        y += 0.6 * _LINE
    return joined(parts)


def _node(variable: Variable, place: Place) -> Markup:
    x, y, r = place.x, place.y, RADIUS
    half = Markup("")
    if variable.role == PARTLY:
        half = tag("path", d=f"M {x} {y - r} A {r} {r} 0 0 1 {x} {y + r} Z", **_SHADE)
    shade: Mapping[str, str | float] = _SHADE if variable.role == OBSERVED else {"fill": "none"}
    circle = tag("circle", cx=x, cy=y, r=r, stroke="currentColor", stroke_width=1.5, **shade)
    size = "" if variable.shape is None else _size(variable.shape)
    texts = [
        tag("text", *_subscripted(said), x=x, y=y + down, text_anchor="middle", font_size=round(font, 1), **bold)
        for said, down, font, bold in (
            (variable.name, 1 if size else 6, min(17, 100 / len(variable.name)), {"font_weight": 600}),
            (size, 16, min(11, 100 / max(len(size), 1)), {}),
        )
        if said
    ]
    return joined((half, circle, *texts))


def _subscripted(text: str) -> Iterator[Markup | str]:
    """z_1 with its 1 below the line, but gaussian_pixel as it is."""
    for i, part in enumerate(re.split(r"(?<=\b\w)_(>?\w+)", text)):
        if i % 2:
            yield tag("tspan", part, dy=3, font_size="75%")
            yield tag("tspan", "\u200b", dy=-3)  # back on the line
        elif part:
            yield part


def _size(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "1"


def _svg(width: float, height: float, told: str, parts: list[Markup]) -> Markup:
    head = tag("path", d="M 0 0 L 10 5 L 0 10 z", fill="currentColor")
    box = {"viewBox": "0 0 10 10", "refX": 9, "refY": 5, "markerWidth": 8, "markerHeight": 8}
    marker = tag("marker", head, id="model-arrow", orient="auto", markerUnits="userSpaceOnUse", **box)
    return tag(
        "svg",
        tag("title", "The model as a directed graph", id="model-title"),
        tag("desc", told, id="model-told"),
        tag("defs", marker),
        tag("g", *parts, fill="currentColor"),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width="100%",
        style=f"max-width: {1.3 * width:.0f}px",
        role="img",
        aria_labelledby="model-title model-told",
    )


def _told(structure: Structure, counts: Counts) -> Iterator[str]:
    """The graph in words."""
    for variable in structure.variables:
        size = "" if variable.shape is None else f", {_size(variable.shape)}"
        yield f"{variable.name}: {variable.role}{size}."
    for factor, number in zip(structure.factors, counts.factors, strict=True):
        yield f"{factor.name} by {', '.join(factor.by) or 'what is not told'}: {number:,} parameters."
    yield from (f"{said}: {number:,} parameters." for said, number in counts.shared.items())


def _legend(structure: Structure, counts: Counts) -> Iterator[str]:
    has_q = any(factor.is_recognition for factor in structure.factors)
    has_part = any(variable.role == PARTLY for variable in structure.variables)
    has_latents = any(variable.role == LATENT for variable in structure.variables)
    yield " ".join(
        (
            "Solid arrows are p, by which x is drawn;" if has_latents else "Arrows are p;",
            "dashed ones q, by which latents are found;" if has_q else "",
            f"what is observed is shaded{', by half where it is so in part' if has_part else ''}.",
        )
    )
    by_side = {"p": 0, "q": 0}
    for factor, number in zip(structure.factors, counts.factors, strict=True):
        by_side["q" if factor.is_recognition else "p"] += number
    parts = [f"{by_side['p']:,} of p", *([f"{by_side['q']:,} of q"] if has_q else [])]
    parts += [f"{number:,} of {said}" for said, number in counts.shared.items()]
    yield f"{counts.total:,} parameters: {', '.join(parts)}."
