"""README, the pages of docs, and the code in them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
}
NOT_RUN = {  # the word behind the language of a block that no test runs, and why
    "run": "needs a run that was trained",
    "slow": "takes many seconds",
}
_FENCE = re.compile(r"^```(python|pycon)\b[ ]*([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """Code in a page."""

    language: str  # "python", or "pycon" with what each line prints
    word: str  # of NOT_RUN, or empty
    code: str
    line: int  # of the page, where the code begins


def blocks(text):
    """The code of a page, in order."""
    return [
        Block(found[1], found[2].strip(), found[3], text.count("\n", 0, found.start(3)) + 1)
        for found in _FENCE.finditer(text)
    ]
