"""Notebooks are kept without outputs; `make notebooks` runs them."""

import ast
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_has_no_outputs_and_checks_what_it_shows(path):
    cells = json.loads(path.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in cells}) == len(cells)
    parsed = [ast.parse("".join(cell["source"])) for cell in code]
    assert any(isinstance(node, ast.Assert) for tree in parsed for node in ast.walk(tree))
