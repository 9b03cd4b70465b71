"""Many examples, a chunk at a time, by one compiled function."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from vaex.errors import UsageError, check_whole
from vaex.model import Example, num_examples

Answer = Any  # arrays [N, ...] in the structure of what a function gives for one example


def count(examples: Example) -> int:
    """How many examples there are.

    Raises:
        UsageError: none.
    """
    if not (n := num_examples(examples)):
        raise UsageError("found no examples: expected at least one")
    return n


def compiled(f: Callable) -> Callable:
    """A function of (key, example, *rest) -> one of (key, indices, examples, *rest), for in_chunks.

    Example i gets fold_in(key, i), as in map_examples.
    """

    @jax.jit
    def of_chunk(key: PRNGKeyArray, indices: Int[Array, " n"], examples: Example, *rest: object) -> Answer:
        one = lambda i, example: f(jax.random.fold_in(key, i), example, *rest)
        return jax.vmap(one)(indices, examples)

    return of_chunk


def in_chunks(of_chunk: Callable, key: PRNGKeyArray, examples: Example, *rest: object, chunk_size: int) -> Answer:
    """A compiled function of any number of examples: the last chunk is padded, so that nothing is compiled anew.

    Args:
        of_chunk: what `compiled` gives.
        key: a PRNG key.
        examples: [N, ...], N at least 1.
        rest: further arguments, the same for each.
        chunk_size: how many at a time; what comes of an example does not depend on it.

    Returns:
        numpy arrays, [N, ...].

    Raises:
        OptionError: chunk_size below 1.
        UsageError: no examples.
    """
    check_whole(chunk_size=chunk_size)
    n = count(examples)

    def part(start: int) -> Answer:
        indices = np.arange(start, start + chunk_size)
        chunk = jax.tree.map(lambda a: a[np.minimum(indices, n - 1)], examples)
        return jax.tree.map(lambda a: a[: n - start], jax.device_get(of_chunk(key, indices, chunk, *rest)))

    parts = [part(start) for start in range(0, n, chunk_size)]
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)
