"""No page of the site fetches anything: what it shows lies beside it."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=\"(?:https?:)?//[^\"]*\"|@import[^;]*//[^;]*;"
)


def check(app: Sphinx, error: Exception | None) -> None:
    """Look into every page and style sheet once all are written.

    Raises:
        ExtensionError: a page asks for what lies elsewhere.
    """
    if error is None and app.builder.format == "html":
        for path in [*Path(app.outdir).rglob("*.html"), *Path(app.outdir).rglob("*.css")]:
            if found := _FETCHED.search(path.read_text(encoding="utf-8")):
                raise ExtensionError(f"{path} fetches {found[0]}: put it into the site")


def setup(app: Sphinx) -> dict[str, bool]:
    """Check the site at its end."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
