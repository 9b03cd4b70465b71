"""Pages: numbers, words and pictures in, one file of HTML out, which needs no server and no network."""

from vaex.runs.page.run import RunShown, run_page

__all__ = ["RunShown", "run_page"]
