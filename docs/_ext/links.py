"""Pages that also stand where people read files: links out of docs/ become pages of the site, or the path's name."""

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent.parent
# Pages of the site whose text is a file's at the top of the repository.
TEXTS = {
    "project/contributing": "CONTRIBUTING.md",
    "project/changes": "CHANGELOG.md",
    "project/security": "SECURITY.md",
}
PAGES = {path: f"{page}.md" for page, path in TEXTS.items()} | {"README.md": "index.md"}
_FENCES = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]\n]+)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]+)?\)")
_NAME = re.compile(r"`((?:\w+\.)+\w+)`")


def relinked(text: str, *, of: str, page: str) -> str:
    """A file's text as that of a page of the site.

    Args:
        text: what the file says.
        of: the file, from the top of the repository.
        page: the page, from docs/, without its ending.
    """

    def write(match: re.Match[str]) -> str:
        words, link, anchor = match[1], match[2], match[3] or ""
        path = os.path.normpath(os.path.join(os.path.dirname(of), link))
        if path in PAGES or path.startswith("docs/"):
            target = PAGES.get(path, path.removeprefix("docs/"))
            if target.endswith((".md", ".png")):
                return f"[{words}]({os.path.relpath(target, os.path.dirname(page) or '.')}{anchor})"
        return words if words.startswith("`") else f"`{words}`"

    return "".join(part if part.startswith("```") else _LINK.sub(write, part) for part in _FENCES.split(text))


def referring(text: str) -> str:
    """Names in a table of functions as links into the reference, where that has them."""
    return _NAME.sub(r"{py:obj}`\1 <vaex.\1>`", text)


def read(app: Sphinx, page: str, source: list[str]) -> None:
    """What sphinx reads in place of a page's file."""
    of = TEXTS.get(page, f"docs/{page}.md")
    text = (ROOT / of).read_text(encoding="utf-8") if page in TEXTS else source[0]
    if page in TEXTS:
        app.env.note_dependency(str(ROOT / of))
    text = relinked(text, of=of, page=page)
    source[0] = referring(text) if page == "equations" else text


def setup(app: Sphinx) -> dict[str, bool]:
    """Read every page with its links rewritten."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
