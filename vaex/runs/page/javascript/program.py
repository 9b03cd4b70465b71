"""A program: several functions of arrays, written as one expression of JavaScript."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from vaex.errors import UsageError
from vaex.model import Example
from vaex.runs.page.javascript import elementwise, indexed, joined, moves, products, reductions
from vaex.runs.page.javascript.fold import Symbol, block_of, read_by
from vaex.runs.page.javascript.loops import loops_of
from vaex.runs.page.javascript.weights import Stored, stored
from vaex.runs.page.javascript.writer import Table, Writer, named

TABLE: Table = {
    **elementwise.TABLE,
    **moves.TABLE,
    **joined.TABLE,
    **indexed.TABLE,
    **products.TABLE,
    **reductions.TABLE,
}
TABLE |= loops_of(TABLE)


class Function(NamedTuple):
    """What to write: a function, and what its arguments are like."""

    call: Callable
    examples: Sequence[Example]  # pytrees of arrays or of jax.ShapeDtypeStruct; a key is the browser's


class Program(NamedTuple):
    """JavaScript, and the arrays that it reads."""

    source: str  # (w) => ({name: (leaf, ...) => [leaf, ...]}), leaves flat arrays; w are the weights, the same
    weights: list[np.ndarray]
    owners: list[str]  # of each weight the first function that reads it
    unused: dict[str, tuple[bool, ...]]  # of each function, which leaves of its arguments change nothing
    missing: dict[str, str]  # of each function that was left out, why

    def stored(self, bits: Mapping[str, int]) -> list[Stored]:
        """The weights as text: in how many bits those of some functions, 16 else."""
        pairs = zip(self.weights, self.owners, strict=True)
        return [stored(weight, bits=bits.get(owner, 16)) for weight, owner in pairs]


def write(functions: Mapping[str, Function], *, optional: Sequence[str] = ()) -> Program:
    """Functions of JAX as JavaScript, with shared weights.

    Each takes the leaves of its arguments, keys left out, as flat arrays, and gives those of its answer: its own
    arrays, which its next call overwrites.

    Args:
        functions: by their names.
        optional: the names of those that may be missing.

    Raises:
        Unwritten: a primitive that has no JavaScript, in a function that may not be missing.
    """
    writer, entries = Writer(), []
    owners: list[str] = []
    unused: dict[str, tuple[bool, ...]] = {}
    missing: dict[str, str] = {}
    for name, function in functions.items():
        trying = writer.copy()
        try:
            entry, unread = _function(trying, name, function)
        except UsageError as error:
            if name not in optional:
                raise
            missing[name] = str(error)
            continue
        writer = trying
        entries.append(entry)
        unused[name] = unread
        owners += [name] * (len(writer.weights) - len(owners))
    declarations, joined = "\n".join(writer.buffers), ",\n".join(entries)
    return Program(f"(w)=>{{\n{declarations}\nreturn {{\n{joined}\n}};}}", writer.weights, owners, unused, missing)


def _function(writer: Writer, name: str, function: Function) -> tuple[str, tuple[bool, ...]]:
    """A method, and which leaves of its arguments change nothing."""
    jaxpr = jax.make_jaxpr(function.call)(*function.examples)
    symbols = [Symbol(aval.shape, aval.dtype) for aval in jaxpr.in_avals]
    block = block_of(jaxpr, symbols)
    given = {symbol: writer.name("a") for symbol in symbols if not symbol.is_key}
    writer.env |= {symbol: named(argument, symbol.shape, symbol.dtype) for symbol, argument in given.items()}
    writer.run(block, TABLE)
    outputs = ",".join(writer.whole(value).name for value in block.outputs)
    body, read = "\n".join(writer.lines), read_by(block)
    return f"{name}({','.join(given.values())}){{\n{body}\nreturn [{outputs}];}}", tuple(s not in read for s in given)
