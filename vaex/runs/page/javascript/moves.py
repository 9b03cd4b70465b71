"""Primitives that put elements elsewhere: each a copy from strides to strides."""

import math
from collections.abc import Sequence

import numpy as np

from vaex.runs.page.javascript.fold import Op, Operand
from vaex.runs.page.javascript.writer import Table, Value, Writer

Shape = Sequence[int]


def strides_of(shape: Shape) -> list[int]:
    """Of an array in row-major order, in elements."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def place(start: int | str, names: Sequence[str], strides: Sequence[int | str]) -> str:
    """A place in a flat array: start + sum of names times strides."""
    terms = [f"{n}*{s}" if s != 1 else str(n) for n, s in zip(names, strides, strict=True) if s]
    return "+".join([str(start), *terms]) if str(start) != "0" or not terms else "+".join(terms)


def loops(writer: Writer, dims: Shape) -> tuple[str, list[str]]:
    """Nested loops over dims, and their variables."""
    names = [writer.name("i") for _ in dims]
    return "".join(f"for(let {n}=0;{n}<{d};{n}++)" for n, d in zip(names, dims, strict=True)), names


def copy(
    writer: Writer,
    dims: Shape,
    out: Value,
    to: Shape,
    source: Value,
    by: Shape,
    *,
    start: int | str = 0,
    at: int | str = 0,
):
    """out[at + sum_k i_k to_k] = source[start + sum_k i_k by_k], for all i below dims."""
    merged: list[list[int]] = []
    for dim, t, b in zip(dims, to, by, strict=True):
        if dim == 1:
            continue
        if merged and merged[-1][1] == t * dim and merged[-1][2] == b * dim:
            merged[-1] = [merged[-1][0] * dim, t, b]
        else:
            merged.append([dim, t, b])
    heads, names = loops(writer, [m[0] for m in merged])
    target, read = place(at, names, [m[1] for m in merged]), place(start, names, [m[2] for m in merged])
    writer.lines.append(f"{heads}{out.name}[{target}]={source.at(f'({read})')};")


def broadcast(writer: Writer, value: Value, shape: Shape) -> Value:
    """An array whose axes of size 1 are stretched to those of a shape of as many axes."""
    out = writer.buffer(shape, value.dtype)
    by = [0 if size == 1 else s for size, s in zip(value.shape, strides_of(value.shape), strict=True)]
    copy(writer, shape, out, strides_of(shape), value, by)
    return out


def transposed(writer: Writer, value: Value, order: Shape) -> Value:
    """An array with its axes in another order."""
    shape, strides = [value.shape[axis] for axis in order], strides_of(value.shape)
    moved = [axis for axis in order if value.shape[axis] > 1]
    if moved == sorted(moved):
        return value._replace(shape=tuple(shape))
    out = writer.buffer(shape, value.dtype)
    copy(writer, shape, out, strides_of(shape), value, [strides[axis] for axis in order])
    return out


def output_of(writer: Writer, op: Op, i: int = 0) -> Value:
    """A new array for what an operation gives."""
    writer.env[op.outputs[i]] = writer.buffer(op.outputs[i].shape, op.outputs[i].dtype)
    return writer.env[op.outputs[i]]


def _transpose(writer: Writer, op: Op) -> None:
    value = writer.whole(op.inputs[0])
    writer.env[op.outputs[0]] = transposed(writer, value, op.params["permutation"])


def _broadcast_in_dim(writer: Writer, op: Op) -> None:
    shape, dims = op.outputs[0].shape, op.params["broadcast_dimensions"]
    value = writer.value(op.inputs[0])
    if value.size == 1:  # one number everywhere
        value = writer.whole(op.inputs[0]) if "Math" in value.expression else value
        writer.env[op.outputs[0]] = value._replace(expression=value.at(0), shape=shape, name="")
        return
    if value.size == math.prod(shape):  # new axes of size 1
        writer.env[op.outputs[0]] = writer.whole(op.inputs[0])._replace(shape=shape)
        return
    value = writer.whole(op.inputs[0])
    by = [0] * len(shape)
    for axis, dim in enumerate(dims):
        by[dim] = strides_of(value.shape)[axis] if value.shape[axis] > 1 else 0
    copy(writer, shape, output_of(writer, op), strides_of(shape), value, by)


def _tile(writer: Writer, op: Op) -> None:
    """Each axis again and again: as one axis of the repetitions before one of its own."""
    value, shape = writer.whole(op.inputs[0]), op.outputs[0].shape
    reps = op.params["reps"]
    dims = [n for pair in zip(reps, value.shape, strict=True) for n in pair]
    to = [n for s, size in zip(strides_of(shape), value.shape, strict=True) for n in (s * size, s)]
    by = [n for s in strides_of(value.shape) for n in (0, s)]
    copy(writer, dims, output_of(writer, op), to, value, by)


def _slice(writer: Writer, op: Op) -> None:
    value, shape = writer.value(op.inputs[0]), op.outputs[0].shape
    steps = op.params["strides"] or (1,) * len(shape)
    strides = strides_of(value.shape)
    start = sum(a * s for a, s in zip(op.params["start_indices"], strides, strict=True))
    by = [a * s for a, s in zip(steps, strides, strict=True)]
    copy(writer, shape, output_of(writer, op), strides_of(shape), value, by, start=start)


def _rev(writer: Writer, op: Op) -> None:
    value, shape = writer.value(op.inputs[0]), op.outputs[0].shape
    flipped, strides = op.params["dimensions"], strides_of(shape)
    start = sum(strides[axis] * (shape[axis] - 1) for axis in flipped)
    by = [f"(-{s})" if axis in flipped else s for axis, s in enumerate(strides)]
    heads, names = loops(writer, shape)
    out = output_of(writer, op)
    writer.lines.append(f"{heads}{out.name}[{place(0, names, strides)}]={value.at(f'({place(start, names, by)})')};")


def pad(writer: Writer, value: Value, filling: Value, config: Sequence[tuple[int, int, int]], shape: Shape) -> Value:
    """An array with (low, high, between) more, or less where negative, along each axis."""
    out = writer.buffer(shape, value.dtype)
    writer.lines.append(f"{out.name}.fill({filling.at(0)});")
    strides, to = strides_of(value.shape), strides_of(shape)
    low = np.array([c[0] for c in config], int)
    step = np.array([c[2] + 1 for c in config], int)
    first = np.maximum(0, -(low // step))  # of the elements along each axis that stay inside
    last = np.minimum(np.array(value.shape, int) - 1, (np.array(shape, int) - 1 - low) // step)
    dims = [int(n) for n in np.maximum(last - first + 1, 0)]
    at = int(np.sum((low + first * step) * to))
    start = int(np.sum(first * strides))
    copy(writer, dims, out, [int(s) for s in step * to], value, strides, start=start, at=at)
    return out


def _pad(writer: Writer, op: Op) -> None:
    value, filling = writer.value(op.inputs[0]), writer.value(op.inputs[1])
    shape = op.outputs[0].shape
    writer.env[op.outputs[0]] = pad(writer, value, filling, op.params["padding_config"], shape)


def _starts(writer: Writer, given: Sequence[Operand], shape: Shape, sizes: Shape) -> str:
    """Where a slice begins whose start is known in the browser alone, moved so that it lies inside."""
    strides, terms = strides_of(shape), []
    for value, dim, size, stride in zip(given, shape, sizes, strides, strict=True):
        terms.append(f"Math.min(Math.max({writer.value(value).at(0)},0),{dim - size})*{stride}")
    name = writer.name("s")
    writer.lines.append(f"const {name}={'+'.join(terms) or '0'};")
    return name


def _dynamic_slice(writer: Writer, op: Op) -> None:
    value, shape = writer.whole(op.inputs[0]), op.outputs[0].shape
    start = _starts(writer, op.inputs[1:], value.shape, shape)
    copy(writer, shape, output_of(writer, op), strides_of(shape), value, strides_of(value.shape), start=start)


def _dynamic_update_slice(writer: Writer, op: Op) -> None:
    value, update = writer.value(op.inputs[0]), writer.whole(op.inputs[1])
    at = _starts(writer, op.inputs[2:], value.shape, update.shape)
    out = output_of(writer, op)
    writer.fill(out, value)
    copy(writer, update.shape, out, strides_of(value.shape), update, strides_of(update.shape), at=at)


TABLE: Table = {
    "transpose": _transpose,
    "broadcast_in_dim": _broadcast_in_dim,
    "tile": _tile,
    "slice": _slice,
    "rev": _rev,
    "pad": _pad,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
}
