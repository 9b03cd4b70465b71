"""Loops and branches: each around the operations of its body, which are written once."""

from collections.abc import Sequence

from vaex.runs.page.javascript.fold import Block, Op, Operand, Symbol, scan_counts, symbols_in
from vaex.runs.page.javascript.writer import Table, Value, Writer, named


def _started(writer: Writer, given: Sequence[Operand], symbols: Sequence[Symbol]) -> list[Value | None]:
    """Arrays that a loop changes, with what they start from; None of a key, which the browser needs not."""
    state = []
    for start, symbol in zip(given, symbols, strict=True):
        if symbol.is_key:
            state.append(None)
            continue
        value = writer.value(start)
        state.append(writer.buffer(symbol.shape, symbol.dtype))
        writer.fill(state[-1], value)
    return state


def _advance(writer: Writer, state: Sequence[Value | None], new: Sequence[Operand]) -> None:
    """The state becomes the new one, all of it at once."""
    pairs = [(old, value) for old, value in zip(state, new, strict=True) if old is not None]
    made = []
    for old, value in pairs:
        made.append(writer.buffer(old.shape, old.dtype))  # what it is computed from may be of the state too
        writer.fill(made[-1], writer.value(value))
    writer.lines += [f"{old.name}.set({new.name});" for (old, _), new in zip(pairs, made, strict=True)]


def _enter(writer: Writer, op: Op) -> None:
    """What a body reads from outside exists before it."""
    for given in symbols_in(op.inputs):
        if not given.is_key:
            writer.whole(given)


def _bind(writer: Writer, symbols: Sequence[Symbol], values: Sequence[Value | None]) -> None:
    writer.env.update({symbol: value for symbol, value in zip(symbols, values, strict=True) if value is not None})


def _scan(table: Table, writer: Writer, op: Op) -> None:
    _enter(writer, op)
    (consts, carries), length = scan_counts(op.params), op.params["length"]
    (body,) = op.blocks
    own = body.inputs[len(body.inputs) - (len(op.inputs) - consts) :]  # without constants
    state = _started(writer, op.inputs[consts : consts + carries], own[:carries])
    outs = [writer.buffer(o.shape, o.dtype) for o in op.outputs[carries:]]
    xs = [
        None if s.is_key else writer.whole(x) for x, s in zip(op.inputs[consts + carries :], own[carries:], strict=True)
    ]
    if not length:
        _bind(writer, op.outputs, [*state, *outs])
        return
    at, counter = writer.name("t"), writer.name("t")
    where = f"{length - 1}-{counter}" if op.params["reverse"] else counter
    writer.lines.append(f"for(let {counter}=0;{counter}<{length};{counter}++){{const {at}={where};")
    _bind(writer, own[:carries], state)
    for x, symbol in zip(xs, own[carries:], strict=True):
        if x is not None:
            part, size = writer.name("x"), x.size // length
            writer.lines.append(f"const {part}={x.name}.subarray({at}*{size},({at}+1)*{size});")
            writer.env[symbol] = named(part, symbol.shape, symbol.dtype)
    writer.run(body, table)
    for out, value in zip(outs, body.outputs[carries:], strict=True):
        size = out.size // length
        source = writer.value(value)
        writer.lines.append(f"for(let i=0;i<{size};i++){out.name}[{at}*{size}+i]={source.at('i')};")
    _advance(writer, state, body.outputs[:carries])
    writer.lines.append("}")
    _bind(writer, op.outputs, [*state, *outs])


def _while(table: Table, writer: Writer, op: Op) -> None:
    _enter(writer, op)
    cond, body = op.blocks
    consts = op.params["cond_nconsts"] + op.params["body_nconsts"]
    count = len(op.inputs) - consts
    state = _started(writer, op.inputs[consts:], _last(body, count))
    writer.lines.append("for(;;){")
    _bind(writer, _last(cond, count), state)
    writer.run(cond, table)
    writer.lines.append(f"if(!{writer.value(cond.outputs[0]).at(0)})break;")
    _bind(writer, _last(body, count), state)
    writer.run(body, table)
    _advance(writer, state, body.outputs)
    writer.lines.append("}")
    _bind(writer, op.outputs, state)


def _last(block: Block, count: int) -> tuple[Symbol, ...]:
    return block.inputs[len(block.inputs) - count :]


def _cond(table: Table, writer: Writer, op: Op) -> None:
    _enter(writer, op)
    outs = [None if o.is_key else writer.buffer(o.shape, o.dtype) for o in op.outputs]
    which = writer.name("s")
    last = len(op.blocks) - 1
    writer.lines.append(f"const {which}=Math.min(Math.max({writer.value(op.inputs[0]).at(0)},0),{last});")
    for i, branch in enumerate(op.blocks):
        writer.lines.append(f"if({which}==={i}){{")
        writer.run(branch, table)
        for out, value in zip(outs, branch.outputs, strict=True):
            if out is not None:
                writer.fill(out, writer.value(value))
        writer.lines.append("}")
    _bind(writer, op.outputs, outs)


def loops_of(table: Table) -> Table:
    """The entries for loops, whose bodies are written by a table that has them too."""
    return {
        "scan": lambda writer, op: _scan(table, writer, op),
        "while": lambda writer, op: _while(table, writer, op),
        "cond": lambda writer, op: _cond(table, writer, op),
    }
