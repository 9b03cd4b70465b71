"""Arrows between circles in rows: straight to the next row, around the circles that lie between to any other."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from markupsafe import Markup

from vaex.runs.page.html import tag

RADIUS, ACROSS = 34, 96  # of a circle, and between the centres of two in a row
_APART = 9  # of two arrows between the same circles, from the line between
_STUB = 26  # the length of an arrow from nowhere
_SIN, _COS = 0.5, 0.866  # of the angle at which an arrow that goes around leaves a circle


class Place(NamedTuple):
    """Where the centre of a circle lies, and in which row."""

    x: float
    y: float
    row: int


def reach(rows: int) -> float:
    """How far from the centre the arrow goes that passes so many rows."""
    return RADIUS * _COS + 0.75 * _bend(rows) + 4 if rows > 1 else 0


def arrow(places: Mapping[str, Place], tail: str, head: str, is_dashed: bool) -> Markup:
    """A line from one circle to another, at the right of it a dashed one; of a circle to itself one from nowhere."""
    a, b = places[tail], places[head]
    dash = {"stroke_dasharray": "5 4"} if is_dashed else {}
    style = {"fill": "none", "stroke": "currentColor", "stroke_width": 1.5, "marker_end": "url(#model-arrow)"}
    return tag("path", d=_path(a, b, 1 if is_dashed else -1), **style, **dash)


def _path(a: Place, b: Place, side: int) -> str:
    if a == b:
        return f"M {a.x} {a.y - RADIUS - _STUB} V {a.y - RADIUS}"
    if abs(a.row - b.row) > 1:
        return _around(a, b, side)
    if a.row == b.row and abs(a.x - b.x) > 1.5 * ACROSS:
        return _over(a, b)
    dx, dy = b.x - a.x, b.y - a.y
    length = math.hypot(dx, dy)
    dx, dy = dx / length, dy / length
    down = 1 if (dy, dx) > (0, 0) else -1  # the sides are those of the way down
    off_x, off_y = side * _APART * down * dy, -side * _APART * down * dx
    cut = math.sqrt(RADIUS**2 - _APART**2)
    start = f"{a.x + off_x + cut * dx:.1f} {a.y + off_y + cut * dy:.1f}"
    return f"M {start} L {b.x + off_x - cut * dx:.1f} {b.y + off_y - cut * dy:.1f}"


def _bend(rows: int) -> float:
    return 28 + 10 * (rows - 2)


def _around(a: Place, b: Place, side: int) -> str:
    """On one side of the rows between."""
    down, out = (1 if b.row > a.row else -1), side * _bend(abs(a.row - b.row))
    x, y = side * RADIUS * _COS, down * RADIUS * _SIN
    first, last = f"{a.x + x:.1f} {a.y + y:.1f}", f"{b.x + x:.1f} {b.y - y:.1f}"
    return f"M {first} C {a.x + x + out:.1f} {a.y + 2 * y:.1f} {b.x + x + out:.1f} {b.y - 2 * y:.1f} {last}"


def _over(a: Place, b: Place) -> str:
    """Above the circles between."""
    y = a.y - RADIUS
    return f"M {a.x:.1f} {y:.1f} C {a.x:.1f} {y - 40:.1f} {b.x:.1f} {y - 40:.1f} {b.x:.1f} {y:.1f}"
