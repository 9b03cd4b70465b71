"""How the site typesets what docstrings say."""

import importlib.util
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
spec = importlib.util.spec_from_file_location("equations", DOCS / "_ext" / "equations.py")
assert spec is not None
assert spec.loader is not None
equations = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = equations
spec.loader.exec_module(equations)


def said(element):
    """A tree of MathML, without its spaces, as nested calls."""
    inside = [said(child) for child in element if child.tag != "mspace"]
    return f"{element.tag}({', '.join(inside)})" if inside else element.text


@pytest.mark.parametrize(
    ("line", "tree"),
    [
        ("mean_j^2", "msup(msub(mean, j), 2)"),
        ("sum_k w_k", "msub(∑, k), msub(w, k)"),
        ("theta' <- log_var", "msup(θ, ′), ←, log_var"),
        ("(a)_j", "msub(mrow((, a, )), j)"),
        ("x^(1 - a)", "msup(x, mrow(1, −, a))"),
        ("KL(q || p) < 1", "KL, mrow((, q, ∥, p, )), <, 1"),
        ("p_1 = ( a", "msub(p, 1), =, (, a"),
    ],
)
def test_an_equation_is_typeset(line, tree):
    assert said(ET.fromstring(equations.to_mathml(line))) == f"math({tree})"


def test_every_equation_of_the_losses_is_found_and_no_sentence():
    from vaex import losses

    paragraphs = [part.strip().splitlines() for part in (losses.kl_normal.__doc__ or "").split("\n\n")]
    found = [part for part in paragraphs if equations.is_equation(part)]
    assert [part[0][:12] for part in found] == ["KL = 1/2 sum"]
