"""A program: several functions of arrays, written as one expression of JavaScript."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from vaex.pages.javascript import elementwise, indexed, moves, products, reductions
from vaex.pages.javascript.fold import Symbol, block_of, read_by
from vaex.pages.javascript.loops import loops_of
from vaex.pages.javascript.weights import Stored
from vaex.pages.javascript.writer import Table, Writer, named

TABLE: Table = {**elementwise.TABLE, **moves.TABLE, **indexed.TABLE, **products.TABLE, **reductions.TABLE}
TABLE |= loops_of(TABLE)


class Function(NamedTuple):
    """What to write: a function, and what its arguments are like."""

    call: Callable[..., Any]
    examples: Sequence[Any]  # pytrees of arrays or of jax.ShapeDtypeStruct; a key is the browser's


class Program(NamedTuple):
    """JavaScript, and the arrays that it reads."""

    source: str  # (w, runtime's functions in scope) => ({name: (leaf, ...) => [leaf, ...]}), leaves flat arrays
    weights: list[Stored]
    unused: dict[str, tuple[bool, ...]]  # of each function, which leaves of its arguments change nothing


def write(functions: Mapping[str, Function], *, is_half: bool = True) -> Program:
    """Functions of JAX as JavaScript, with shared weights.

    Each takes the leaves of its arguments, keys left out, as flat arrays, and gives those of its answer: its own arrays,
    which its next call overwrites.

    Args:
        functions: by their names.
        is_half: whether weights have half precision.

    Raises:
        Unwritten: a primitive that has no JavaScript.
    """
    writer, entries, unused = Writer(is_half), [], {}
    for name, function in functions.items():
        jaxpr = jax.make_jaxpr(function.call)(*function.examples)
        symbols = [Symbol(aval.shape, aval.dtype) for aval in jaxpr.in_avals]
        block = block_of(jaxpr, symbols)
        arguments = [None if symbol.is_key else writer.name("a") for symbol in symbols]
        writer.env.update(
            {s: named(a, s.shape, s.dtype) for s, a in zip(symbols, arguments, strict=True) if a is not None}
        )
        writer.lines = []
        writer.run(block, TABLE)
        outputs = ",".join(writer.whole(value).name for value in block.outputs)
        body, read = "\n".join(writer.lines), read_by(block)
        unused[name] = tuple(symbol not in read for symbol in symbols if not symbol.is_key)
        entries.append(f"{name}({','.join(filter(None, arguments))}){{\n{body}\nreturn [{outputs}];}}")
    declarations = "\n".join(writer.buffers)
    joined = ",\n".join(entries)
    return Program(f"(w)=>{{\n{declarations}\nreturn {{\n{joined}\n}};}}", writer.weights, unused)
