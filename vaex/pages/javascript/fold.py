"""From a jaxpr to a flat list of operations: calls inlined, and all that depends on no argument computed."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal


class Symbol:
    """A value that depends on an argument; compared by identity."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = tuple(shape), dtype

    @property
    def is_key(self) -> bool:
        return bool(jax.dtypes.issubdtype(self.dtype, jax.dtypes.prng_key))


class Op(NamedTuple):
    """One operation."""

    name: str  # of its primitive
    params: dict[str, Any]
    inputs: tuple[Any, ...]  # of each a Symbol or an array
    outputs: tuple[Symbol, ...]
    blocks: tuple[Any, ...] = ()  # the bodies of a loop or of branches


class Block(NamedTuple):
    """Operations in their order."""

    inputs: tuple[Symbol, ...]
    ops: tuple[Op, ...]
    outputs: tuple[Any, ...]  # of each a Symbol or an array


_BODY = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # where a call has what it calls
_LOOPS = ("scan", "while", "cond")


def block_of(jaxpr: ClosedJaxpr, inputs: Sequence[Any]) -> Block:
    """What a jaxpr does, of which an input may be an array that is known already."""
    ops: list[Op] = []
    outputs = _walk(jaxpr, inputs, ops)
    return _live(Block(tuple(i for i in inputs if isinstance(i, Symbol)), tuple(ops), tuple(outputs)))


def _walk(closed: ClosedJaxpr, inputs: Sequence[Any], ops: list[Op]) -> list[Any]:
    jaxpr = closed.jaxpr
    env: dict[Any, Any] = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    env |= dict(zip(jaxpr.invars, inputs, strict=True))
    read = lambda atom: atom.val if isinstance(atom, Literal) else env[atom]
    for eqn in jaxpr.eqns:
        values, name = [read(atom) for atom in eqn.invars], eqn.primitive.name
        body = next((eqn.params[field] for field in _BODY if field in eqn.params), None)
        if body is not None and name not in _LOOPS:
            found = _walk(ClosedJaxpr(body, ()) if name == "checkpoint" else body, values, ops)
        elif not any(isinstance(value, Symbol) for value in values):
            answer = eqn.primitive.bind(*values, **eqn.params)
            found = list(answer) if eqn.primitive.multiple_results else [answer]
        else:
            found = [Symbol(out.aval.shape, out.aval.dtype) for out in eqn.outvars]
            params, blocks = (dict(eqn.params), ())
            if name in _LOOPS:
                blocks = _BLOCKS[name](eqn.params, values)
            ops.append(Op(name, params, tuple(values), tuple(found), blocks))
        env.update(zip(eqn.outvars, found, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _scan_blocks(params: dict[str, Any], values: list[Any]) -> tuple[Block, ...]:
    """The body, whose constants may be known, and whose state and slices never are."""
    closed, known = params["jaxpr"], params["num_consts"]
    return (block_of(closed, [*values[:known], *_symbols(closed.in_avals[known:])]),)


def _while_blocks(params: dict[str, Any], values: list[Any]) -> tuple[Block, ...]:
    cond, body = params["cond_jaxpr"], params["body_jaxpr"]
    of_cond, of_both = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    state = _symbols(body.in_avals[params["body_nconsts"] :])
    return (
        block_of(cond, [*values[:of_cond], *state]),
        block_of(body, [*values[of_cond:of_both], *state]),
    )


def _cond_blocks(params: dict[str, Any], values: list[Any]) -> tuple[Block, ...]:
    return tuple(block_of(branch, values[1:]) for branch in params["branches"])


_BLOCKS = {"scan": _scan_blocks, "while": _while_blocks, "cond": _cond_blocks}


def _symbols(avals: Sequence[Any]) -> list[Symbol]:
    return [Symbol(aval.shape, aval.dtype) for aval in avals]


def _live(block: Block) -> Block:
    """Without what no output needs."""
    needed = {value for value in block.outputs if isinstance(value, Symbol)}
    kept: list[Op] = []
    for op in reversed(block.ops):
        if needed.intersection(op.outputs):
            kept.append(op)
            needed |= symbols_of(op)
    return block._replace(ops=tuple(kept[::-1]))


def symbols_of(op: Op) -> set[Symbol]:
    """What an operation reads, its blocks included: a block reads what is outside of it too."""
    own = {value for value in op.inputs if isinstance(value, Symbol)}
    return functools.reduce(set.union, (read_by(block) for block in op.blocks), own)


def read_by(block: Block) -> set[Symbol]:
    """What the operations of a block read, and what it gives."""
    inside: set[Symbol] = {value for value in block.outputs if isinstance(value, Symbol)}
    return functools.reduce(set.union, (symbols_of(op) for op in block.ops), inside)


def array(value: Any) -> np.ndarray:
    """What is known, in numpy."""
    return np.asarray(value)
