"""What is refused in one line, and what is the same."""

import jax
import numpy as np

from vaex.errors import UsageError


def refusal(read):
    """The one line that something is refused in, or None, and what is read where it is not."""
    try:
        return None, read()
    except UsageError as error:
        line = str(error)
    assert "\n" not in line, line
    assert "delete" not in line, line
    return line, None


def same(one, other):
    leaves, others = jax.tree.leaves(one), jax.tree.leaves(other)
    return len(leaves) == len(others) and all(np.array_equal(a, b) for a, b in zip(leaves, others, strict=True))
