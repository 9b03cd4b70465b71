"""Run the notebooks, each in a kernel of its own, and leave them with their outputs in docs/_build/notebooks.

make notebooks
make notebooks ARGS=posterior
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
SECONDS = 600  # that a cell may take where a machine has other work


def main(names: list[str]) -> None:
    """Run those that are named, or all.

    Raises:
        CellExecutionError: a cell raised something; it is shown.
    """
    done = FOLDER.parent / "docs" / "_build" / "notebooks"
    done.mkdir(parents=True, exist_ok=True)
    for path in [FOLDER / f"{name}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb")):
        start = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=SECONDS, kernel_name="python3").execute(cwd=str(FOLDER))
        nbformat.write(notebook, done / path.name)
        print(f"{path.name}: {time.perf_counter() - start:.0f} s")


main(" ".join(sys.argv[1:]).split())  # make hands on ARGS as one word, empty where there is none
