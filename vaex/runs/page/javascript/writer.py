"""What is being written: lines, buffers and weights, and values that are a buffer or still an expression."""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from vaex.errors import UsageError
from vaex.runs.page.javascript.fold import Block, Op, Operand, Symbol, array, symbols_in

_INDEX = "@"  # stands in an expression for the place in the flat array
_LONGEST = 600  # characters of an expression


class Unwritten(UsageError):
    """A function that has no JavaScript, since a primitive in it has none."""


class Value(NamedTuple):
    """A flat array in row-major order: one that exists, or what each of its elements is."""

    expression: str  # of the element at @
    shape: tuple[int, ...]
    dtype: DTypeLike
    name: str = ""  # of the array; "" where there is none yet

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def at(self, index: object) -> str:
        """The element at a place, of a single one that everywhere."""
        return self.expression.replace(_INDEX, "0" if self.size == 1 else str(index))


@dataclass
class Writer:
    """The functions written so far share their weights; each has lines of its own."""

    weights: list[np.ndarray] = field(default_factory=list)
    buffers: list[str] = field(default_factory=list)  # declarations
    lines: list[str] = field(default_factory=list)
    env: dict[Symbol, Value] = field(default_factory=dict)
    uses: Counter[Symbol] = field(default_factory=Counter)
    known: dict[Hashable, str] = field(default_factory=dict)  # the names of weights, by what they are
    names: int = 0

    def copy(self) -> "Writer":
        """The same, to write one more function, of which nothing is left where it cannot be written."""
        return Writer([*self.weights], [*self.buffers], [], {**self.env}, self.uses.copy(), {**self.known}, self.names)

    def name(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def buffer(self, shape: Iterable[int], dtype: DTypeLike) -> Value:
        """A new array, made once."""
        name, shape = self.name("b"), tuple(shape)
        self.buffers.append(f"const {name}=new {typed(dtype)}({math.prod(shape)});")
        return named(name, shape, dtype)

    def weight(self, value: np.ndarray) -> Value:
        """An array that is known."""
        key = (value.shape, value.dtype.str, value.tobytes())
        if key not in self.known:
            self.known[key] = self.name("c")
            self.buffers.append(f"const {self.known[key]}=w[{len(self.weights)}];")
            self.weights.append(value)
        return named(self.known[key], value.shape, value.dtype)

    def value(self, of: Operand) -> Value:
        """Of a symbol what it is, of an array a literal or a weight."""
        if isinstance(of, Symbol):
            return self.env[of]
        known = array(of)
        if known.size and (known == known.flat[0]).all():
            return Value(literal(known.flat[0]), known.shape, known.dtype)
        return self.weight(known)

    def whole(self, of: Operand | Value) -> Value:
        """The same as an array that exists."""
        value = of if isinstance(of, Value) else self.value(of)
        if value.name:
            return value
        if not isinstance(of, Symbol | Value):
            return self.weight(array(of))
        out = self.buffer(value.shape, value.dtype)
        self.fill(out, value)
        if isinstance(of, Symbol):
            self.env[of] = out
        return out

    def fill(self, out: Value, value: Value) -> None:
        """Make one array the other, element by element."""
        self.lines.append(f"for(let i=0;i<{out.size};i++){out.name}[i]={value.at('i')};")

    def give(self, symbol: Symbol, expression: str, shape: tuple[int, ...]) -> None:
        """What a symbol is, as an expression that is computed where it is read, if that is at one place alone."""
        value = Value(expression, shape, symbol.dtype)
        often = self.uses[symbol] > 1 or len(expression) > _LONGEST
        self.env[symbol] = self.whole(value) if often else value

    def run(self, block: Block, table: "Table") -> None:
        """The operations of a block, one after another.

        Raises:
            Unwritten: a primitive that the table has not.
        """
        for op in block.ops:
            self.uses.update(symbols_in(op.inputs))
        self.uses.update(symbols_in(block.outputs))
        for op in block.ops:
            if all(out.is_key for out in op.outputs):
                continue  # the browser has random numbers of its own
            if op.name not in table:
                raise Unwritten(f"the primitive {op.name!r} has no JavaScript: add it to vaex/runs/page/javascript")
            table[op.name](self, op)


Table = dict[str, Callable[[Writer, Op], None]]


def named(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> Value:
    """An array that exists."""
    return Value(f"{name}[{_INDEX}]", shape, dtype, name)


def typed(dtype: DTypeLike) -> str:
    """The kind of array that holds a dtype."""
    kinds = {"f": "Float32Array", "b": "Uint8Array", "V": "Float32Array"}
    unsigned = "Uint8Array" if np.dtype(dtype).itemsize == 1 else "Uint32Array"
    return {**kinds, "u": unsigned}.get(kind_of(dtype), "Int32Array")


def kind_of(dtype: DTypeLike) -> str:
    """Real numbers are f, bfloat16 too; truth values b, integers u and i."""
    return {"V": "f"}.get(np.dtype(dtype).kind, np.dtype(dtype).kind)


def literal(number: np.generic | float) -> str:
    """A number as JavaScript writes it."""
    if np.issubdtype(type(number), np.bool_):
        return str(int(number))
    if np.issubdtype(type(number), np.integer):
        return f"({int(number)})"
    number = float(number)
    if math.isnan(number):
        return "NaN"
    return f"({number!r})" if math.isfinite(number) else ("Infinity" if number > 0 else "(-Infinity)")
