"""Functions of JAX as plain JavaScript on typed arrays: their jaxprs, written out.

What does not depend on the arguments is computed here and goes along as weights. The rest is a list of operations, each
a loop: a chain of elementwise ones is one loop, a scan one loop around its body. Each primitive is one function in the
table of the file that has its idea.
"""

from vaex.runs.page.javascript.program import Program, write
from vaex.runs.page.javascript.writer import Unwritten

__all__ = ["Program", "Unwritten", "write"]
