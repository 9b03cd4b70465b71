"""The code in README and docs runs: a page is one namespace, in order, and what it says is printed is printed."""

import ast
import doctest
import functools
import inspect

import pytest

from tests.pages import NOT_RUN, PAGES, blocks

WITH_CODE = [page for page, text in sorted(PAGES.items()) if blocks(text)]


@pytest.mark.parametrize("page", WITH_CODE)
def test_the_code_of_a_page_runs_and_its_gradients_are_not_zero(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": page}
    for block in blocks(PAGES[page]):
        code = "\n" * (block.line - 1) + block.code  # so that a traceback has the line of the page
        if block.word:
            assert block.word in NOT_RUN, f"{page}: expected one of {', '.join(NOT_RUN)}"
            check_names(code, names, page)
        elif block.language == "pycon":
            check(code, names, page)
        else:
            exec(compile(code, page, "exec"), names)
        if "gradients" in names:
            check_gradients(names.pop("gradients"))


def check(code, names, page):
    """Run a doctest in the names of a page, which keep what it defines."""
    test = doctest.DocTestParser().get_doctest(code, names, page, page, 0)
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append, clear_globs=False)
    names.update(test.globs)
    assert not said, "".join(said)


def check_names(code, names, page):
    """Of code that is not run: it parses, and what it names of the modules at hand is there."""
    for node in ast.walk(ast.parse(code, page)):
        if type(node) is ast.Attribute:
            dotted = ast.unparse(node)
            root, *rest = dotted.split(".")
            if all(part.isidentifier() for part in (root, *rest)) and inspect.ismodule(names.get(root)):
                assert functools.reduce(getattr, rest, names[root]) is not None, dotted


def check_gradients(gradients):
    import jax
    import numpy as np

    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(gradients) if hasattr(leaf, "shape")]
    assert leaves
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    assert any(np.abs(leaf).max() > 0 for leaf in leaves)


def test_code_that_is_not_run_names_what_there_is():
    check_names("ast.parse(doctest.DocTestParser)\nmine.other()", {"ast": ast, "doctest": doctest}, "page")
    with pytest.raises(AttributeError, match="no attribute 'parsed'"):
        check_names("f(ast.parsed(x))", {"ast": ast}, "page")


def test_a_doctest_that_prints_something_else_fails():
    names: dict = {}
    check(">>> a = 1\n", names, "page")
    with pytest.raises(AssertionError, match=r"Expected:\s+2\s+Got:\s+1"):
        check(">>> a\n2\n", names, "page")
