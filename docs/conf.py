"""The site, which `make docs` builds into docs/_build/html, offline: warnings are errors, no page fetches anything."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

project = "vaex"
author = "The vaex authors"
release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
exclude_patterns = ["_build", "results"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "_ext.mathml",
    "_ext.docstrings",
    "_ext.links",
    "_ext.offline",
]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"  # sphinx's own default has the reader's browser fetch a script

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types of others, and names that are no pages of their own
suppress_warnings = ["ref.python"]  # a word that several classes have a field of

html_theme = "furo"
html_title = f"vaex {release}"
html_copy_source = False
html_show_sphinx = False
