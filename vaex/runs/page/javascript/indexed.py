"""Primitives that look places up in an array of indices."""

import numpy as np
from jax.lax import GatherScatterMode

from vaex.runs.page.javascript.fold import Op
from vaex.runs.page.javascript.moves import loops, place, strides_of
from vaex.runs.page.javascript.writer import Table, Unwritten, Writer, kind_of, literal


def _gather(writer: Writer, op: Op) -> None:
    """Slices of the operand, whose starts the last axis of the indices has; starts outside are moved in, or filled."""
    operand, indices = (writer.whole(given) for given in op.inputs)
    numbers, sizes, out = op.params["dimension_numbers"], op.params["slice_sizes"], op.outputs[0]
    found = writer.buffer(out.shape, out.dtype)
    heads, names = loops(writer, out.shape)
    batch = [name for axis, name in enumerate(names) if axis not in numbers.offset_dims]
    inside = iter([names[axis] for axis in numbers.offset_dims])
    dropped = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    row = place(0, batch, strides_of(indices.shape)[:-1])
    terms, checks = [], []
    for axis, dim in enumerate(operand.shape):
        parts = [] if axis in dropped else [next(inside)]
        if axis in numbers.start_index_map:
            start = indices.at(f"({row}+{numbers.start_index_map.index(axis)})")
            parts.append(f"Math.min(Math.max({start},0),{dim - sizes[axis]})")
            checks.append(f"{start}>=0&&{start}<={dim - sizes[axis]}")
        if axis in numbers.operand_batching_dims:
            at = numbers.start_indices_batching_dims[numbers.operand_batching_dims.index(axis)]
            parts.append(batch[at])
        terms.append(f"({'+'.join(parts) or '0'})")
    source = operand.at(f"({place(0, terms, strides_of(operand.shape))})")
    if op.params["mode"] == GatherScatterMode.FILL_OR_DROP and checks:
        source = f"({'&&'.join(checks)}?{source}:{_filler(op)})"
    writer.lines.append(f"{heads}{found.name}[{place(0, names, strides_of(out.shape))}]={source};")
    writer.env[out] = found


def _filler(op: Op) -> str:
    """What stands where a gather reads outside: jax's own is nan, of integers the farthest from 0, of truths True."""
    fill, dtype = op.params["fill_value"], op.outputs[0].dtype
    if fill is not None:
        return literal(fill)
    match kind_of(dtype):
        case "f":
            return literal(np.nan)
        case "b":
            return literal(True)
        case "i":
            return literal(np.iinfo(dtype).min)
        case _:
            return literal(np.iinfo(dtype).max)


def _scatter(writer: Writer, op: Op) -> None:
    """The operand, at whose places single elements are replaced, or added to."""
    operand, (indices, updates) = writer.value(op.inputs[0]), (writer.whole(given) for given in op.inputs[1:])
    numbers, out = op.params["dimension_numbers"], op.outputs[0]
    if numbers.operand_batching_dims or op.params["mode"] == GatherScatterMode.CLIP:
        raise Unwritten(f"the primitive {op.name!r} has no JavaScript where it is batched, or moves indices inside")
    found = writer.buffer(out.shape, out.dtype)
    writer.fill(found, operand)
    heads, names = loops(writer, updates.shape)
    batch = [name for axis, name in enumerate(names) if axis not in numbers.update_window_dims]
    inside = iter([names[axis] for axis in numbers.update_window_dims])
    row = place(0, batch, strides_of(indices.shape)[:-1])
    terms, checks = [], []
    for axis, dim in enumerate(out.shape):
        parts = [] if axis in numbers.inserted_window_dims else [next(inside)]
        if axis in numbers.scatter_dims_to_operand_dims:
            parts.append(indices.at(f"({row}+{numbers.scatter_dims_to_operand_dims.index(axis)})"))
        terms.append(f"({'+'.join(parts) or '0'})")
        checks.append(f"{terms[-1]}>=0&&{terms[-1]}<{dim}")
    target = f"{found.name}[{place(0, terms, strides_of(out.shape))}]"
    sign = "+=" if op.name == "scatter-add" else "="
    value = updates.at(f"({place(0, names, strides_of(updates.shape))})")
    writer.lines.append(f"{heads}if({'&&'.join(checks) or 'true'}){target}{sign}{value};")
    writer.env[out] = found


TABLE: Table = {"gather": _gather, "scatter": _scatter, "scatter-add": _scatter}
