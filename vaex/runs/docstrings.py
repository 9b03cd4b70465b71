"""An experiment's docstring: its first line, its command, and its score."""

import ast
import re
import textwrap
from pathlib import Path

from vaex.errors import UsageError

_DOCSTRING = re.compile(
    r'(?P<before>"""[^\n]+\n\nmake train EXP=[^\n]+\n)'
    r'(?P<score>\n(?:[\d.,]+ s of training|Measured: )[^\n]+\n(?:(?!""")[^\n]+\n)*)?'
)


def with_score_line(source: str, line: str) -> str:
    """An experiment's source with its score line, the paragraph after its command, in place of the one before.

    Raises:
        UsageError: the docstring does not start with a line, an empty one and `make train EXP=...`.
    """
    match = _DOCSTRING.match(source)
    if match is None:
        raise UsageError(
            f"the docstring {source.splitlines()[0]!r} has no place for its score: after its first line it needs an "
            "empty one and `make train EXP=NAME`"
        )
    return f"{match['before']}\n{textwrap.fill(line, 120, break_long_words=False)}\n{source[match.end() :]}"


def about(path: Path) -> str:
    """The first line of a file's docstring."""
    return (ast.get_docstring(ast.parse(path.read_bytes())) or "").split("\n")[0]
