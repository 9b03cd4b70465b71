"""Docstrings, which are plain text, as reStructuredText: equations typeset, `code` as code, and nothing else marked."""

import inspect
import re
from typing import Any

from _ext.equations import is_equation, to_mathml
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

_FORM = Config(napoleon_use_ivar=True, napoleon_use_rtype=False)
_SECTIONS = ("Args:", "Returns:", "Raises:")
_CODE = re.compile(r"(`[^`\n]+`)")
_MARKUP = re.compile(r"([\\*|]|_(?!\w)|`)")


def to_rst(lines: list[str]) -> list[str]:
    """A docstring in Google's form with its paragraphs converted, its sections left as they are."""
    done: list[str] = []
    is_section = False
    for paragraph in _paragraphs(lines):
        if paragraph and not paragraph[0].startswith(" "):
            is_section = paragraph[0] in _SECTIONS
        if not is_section and done and is_equation(paragraph):
            done += ["", ".. raw:: html", "", *(f"   {to_mathml(line)}" for line in paragraph), ""]
        else:
            done += [_escaped(line) for line in paragraph]
        done.append("")
    return done


def _paragraphs(lines: list[str]) -> list[list[str]]:
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return [paragraph for paragraph in paragraphs if paragraph]


def _escaped(line: str) -> str:
    """`code` with two ticks, and no other markup."""
    return "".join(f"`{part}`" if _CODE.fullmatch(part) else _MARKUP.sub(r"\\\1", part) for part in _CODE.split(line))


def process(app: Sphinx, what: str, name: str, subject: Any, options: Any, lines: list[str]) -> None:
    """What autodoc shows of a docstring."""
    if lines and lines[0].startswith("Alias for field number"):  # a NamedTuple's field: its comment says what it is
        lines[:] = [_comment(name)]
    lines[:] = to_rst(lines)
    if what not in ("attribute", "property"):  # of which all is text, also before a colon
        lines[:] = GoogleDocstring(lines, _FORM, app, what, name, subject, options).lines()


def _comment(name: str) -> str:
    """The comment behind a field of a NamedTuple, where it is declared."""
    module, _, rest = name.rpartition(".")
    path, _, cls = module.rpartition(".")
    try:
        source = inspect.getsource(vars(__import__(path, fromlist=[cls]))[cls])
    except (ImportError, KeyError, OSError, TypeError):
        return ""
    found = re.search(rf"^    {re.escape(rest)}: [^#\n]*# (.*)$", source, re.MULTILINE)
    return found[1] if found else ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Convert each docstring that autodoc finds."""
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
