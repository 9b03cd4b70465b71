"""One file of HTML: styles and scripts within it, and by its own word no request to anywhere."""

import importlib.util
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from vaex.runs.page.html import joined, tag

# Nothing is fetched, sent or embedded, whatever a page holds; pictures lie in it as data.
_POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
_SCRIPTS = ("bokeh.min.js", "bokeh-api.min.js")


def document(title: str, links: Sequence[tuple[str, str]], *parts: Markup) -> str:
    """A page.

    Args:
        title: of the page.
        links: to its sections, (name, what it says).
        parts: of its body, below the links.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", _own("page.css")),
    )
    skip = tag("a", "to the content", href="#content", class_="skip")
    menu = tag("nav", *(tag("a", said, href=f"#{name}") for name, said in links), aria_label="sections")
    scripts = [tag("script", script) for script in (*bokeh(), _own("curves.js"), _own("tables.js"))]
    body = tag("body", skip, menu, tag("main", *parts, id="content"), *scripts)
    return joined([Markup("<!doctype html>\n"), tag("html", head, body, lang="en")]) + "\n"


@cache
def bokeh() -> tuple[Markup, ...]:
    """Bokeh's scripts as its package has them, which is not imported for it; () where it is not installed."""
    found = importlib.util.find_spec("bokeh")
    if found is None or not found.submodule_search_locations:
        return ()
    folder = Path(found.submodule_search_locations[0]) / "server" / "static" / "js"
    texts = [(folder / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return tuple(Markup(text.replace("</script", r"<\/script")) for text in texts)


@cache
def _own(name: str) -> Markup:
    return Markup((files("vaex.runs.page") / name).read_text(encoding="utf-8"))
