"""HTML of parts, each of which is escaped unless it is Markup."""

import json
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

_VOID = ("img", "input", "meta")


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element.

    Args:
        name: of the element.
        children: text, which is escaped, Markup, or None for nothing.
        attributes: by their names, with `_` for `-` and `class_` for class; None or False is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape("" if value is True else value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    inside = "".join(escape(child) for child in children if child is not None)
    return Markup(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{inside}</{name}>")


def joined(parts: Iterable[str]) -> Markup:
    """One after another."""
    return Markup("").join(parts)


def table(head: Sequence[object], rows: Iterable[Sequence[object]], **attributes: object) -> Markup:
    """A table that scrolls in its own box where the page is narrower; the first cell of a row is its heading."""
    top = tag("tr", *(tag("th", name, scope="col") for name in head))
    body = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows]
    return tag("div", tag("table", tag("thead", top), tag("tbody", *body), **attributes), class_="wide", tabindex=0)


def data(value: object, /, **attributes: object) -> Markup:
    """JSON that a script of the page reads; nothing in it can end the element or start another."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return tag("script", Markup(text), type="application/json", **attributes)


def section(name: str, title: str, *parts: object) -> Markup:
    """A part of a page under a heading, which the page's own links lead to."""
    return tag("section", tag("h2", title), *parts, id=name)
