"""From a jaxpr to a flat list of operations: calls inlined, and all that depends on no argument computed."""

import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import ClosedJaxpr, Literal, Primitive, Var
from jax.typing import DTypeLike

Parameters = dict[str, Any]  # of a primitive


def is_key(dtype: DTypeLike) -> bool:
    """Whether a dtype is that of keys of random numbers."""
    return bool(jnp.issubdtype(dtype, jax.dtypes.prng_key))


class Symbol:
    """A value that depends on an argument; compared by identity."""

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.shape, self.dtype = tuple(shape), dtype

    @property
    def is_key(self) -> bool:
        return is_key(self.dtype)


class Known:
    """A value that depends on no argument, computed together with all others once they are known to be needed."""

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.shape, self.dtype = tuple(shape), dtype
        self.value: jax.Array | None = None


Operand = Symbol | Known | jax.Array | np.ndarray | np.generic  # an array where it is written into the jaxpr


class Op(NamedTuple):
    """One operation."""

    name: str  # of its primitive
    params: Parameters
    inputs: tuple[Operand, ...]
    outputs: tuple[Any, ...]  # Symbols, or of what is known Known
    blocks: tuple["Block", ...] = ()  # the bodies of a loop or of branches


class Block(NamedTuple):
    """Operations in their order."""

    inputs: tuple[Symbol, ...]
    ops: tuple[Op, ...]
    outputs: tuple[Operand, ...]


_BODY = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # where a call has what it calls
_LOOPS = ("scan", "while", "cond")


def block_of(jaxpr: ClosedJaxpr, inputs: Sequence[Operand]) -> Block:
    """What a jaxpr does to its inputs, and of what does not depend on them the values."""
    known: list[tuple[Primitive, Op]] = []
    block = _block(jaxpr, inputs, known)
    _compute(known, _needed(block))
    return block


def _block(jaxpr: ClosedJaxpr, inputs: Sequence[Operand], known: list[tuple[Primitive, Op]]) -> Block:
    ops: list[Op] = []
    outputs = _walk(jaxpr, inputs, ops, known)
    return _live(Block(tuple(symbols_in(inputs)), tuple(ops), tuple(outputs)))


def _compute(known: list[tuple[Primitive, Op]], needed: list[Known]) -> None:
    """All that is needed of what is known, in one program, whose arguments are the arrays that it reads."""
    given = {id(v): v for _, op in known for v in op.inputs if not isinstance(v, Known)}

    def program(given: dict[int, jax.Array]) -> list[jax.Array]:
        found: dict[int, jax.Array] = dict(given)
        for primitive, op in known:
            answer = primitive.bind(*(found[id(value)] for value in op.inputs), **op.params)
            answers = answer if primitive.multiple_results else [answer]
            found.update(zip(map(id, op.outputs), answers, strict=True))
        return [found[id(one)] for one in needed]

    values = jax.jit(program)(given) if needed else []
    for one, value in zip(needed, values, strict=True):
        one.value = value


def _needed(block: Block) -> list[Known]:
    """What is known and read by a block, each once."""
    read = [*(value for op in block.ops for value in op.inputs), *block.outputs]
    found = {id(value): value for value in read if isinstance(value, Known)}
    for op in block.ops:
        for inner in op.blocks:
            found |= {id(value): value for value in _needed(inner)}
    return [one for one in found.values() if not is_key(one.dtype)]


def _walk(
    closed: ClosedJaxpr, inputs: Sequence[Operand], ops: list[Op], known: list[tuple[Primitive, Op]]
) -> list[Operand]:
    jaxpr = closed.jaxpr
    env: dict[Var, Operand] = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    env |= dict(zip(jaxpr.invars, inputs, strict=True))
    read = lambda atom: atom.val if isinstance(atom, Literal) else env[atom]
    for eqn in jaxpr.eqns:
        values, name = [read(atom) for atom in eqn.invars], eqn.primitive.name
        body = next((eqn.params[field] for field in _BODY if field in eqn.params), None)
        if body is not None and name not in _LOOPS:
            found = _walk(ClosedJaxpr(body, ()) if name == "checkpoint" else body, values, ops, known)
        elif not symbols_in(values):
            found = [Known(out.aval.shape, out.aval.dtype) for out in eqn.outvars]
            known.append((eqn.primitive, Op(name, eqn.params, tuple(values), tuple(found))))
        else:
            found = [Symbol(out.aval.shape, out.aval.dtype) for out in eqn.outvars]
            blocks = _BLOCKS[name](eqn.params, values, known) if name in _LOOPS else ()
            ops.append(Op(name, eqn.params, tuple(values), tuple(found), blocks))
        env.update(zip(eqn.outvars, found, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _scan_blocks(params: Parameters, values: list[Operand], known: list[tuple[Primitive, Op]]) -> tuple[Block, ...]:
    """The body, whose constants may be known, and whose state and slices never are."""
    closed, (consts, _) = params["jaxpr"], scan_counts(params)
    return (_block(closed, [*values[:consts], *_symbols(closed.in_avals[consts:])], known),)


def scan_counts(params: Parameters) -> tuple[int, int]:
    """How many constants and how much state are the first inputs of a scan; jax 0.11 has them as groups."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    consts, carries, _ = params["ft_in"].unpack()
    return len(consts), len(carries)


def _while_blocks(params: Parameters, values: list[Operand], known: list[tuple[Primitive, Op]]) -> tuple[Block, ...]:
    cond, body = params["cond_jaxpr"], params["body_jaxpr"]
    of_cond, of_both = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    state = _symbols(body.in_avals[params["body_nconsts"] :])
    return (
        _block(cond, [*values[:of_cond], *state], known),
        _block(body, [*values[of_cond:of_both], *state], known),
    )


def _cond_blocks(params: Parameters, values: list[Operand], known: list[tuple[Primitive, Op]]) -> tuple[Block, ...]:
    return tuple(_block(branch, values[1:], known) for branch in params["branches"])


_BLOCKS = {"scan": _scan_blocks, "while": _while_blocks, "cond": _cond_blocks}


def symbols_in(values: Iterable[Operand]) -> list[Symbol]:
    """Those of some values that depend on an argument."""
    return [value for value in values if isinstance(value, Symbol)]


def _symbols(avals: Sequence[ShapedArray]) -> list[Symbol]:
    return [Symbol(aval.shape, aval.dtype) for aval in avals]


def _live(block: Block) -> Block:
    """Without what no output needs."""
    needed = set(symbols_in(block.outputs))
    kept: list[Op] = []
    for op in reversed(block.ops):
        if needed.intersection(op.outputs):
            kept.append(op)
            needed |= symbols_of(op)
    return block._replace(ops=tuple(kept[::-1]))


def symbols_of(op: Op) -> set[Symbol]:
    """What an operation reads, its blocks included: a block reads what is outside of it too."""
    return functools.reduce(set.union, (read_by(block) for block in op.blocks), set(symbols_in(op.inputs)))


def read_by(block: Block) -> set[Symbol]:
    """What the operations of a block read, and what it gives."""
    return functools.reduce(set.union, (symbols_of(op) for op in block.ops), set(symbols_in(block.outputs)))


def array(value: Operand) -> np.ndarray:
    """What is known, in numpy."""
    return np.asarray(value.value if isinstance(value, Known) else value)
