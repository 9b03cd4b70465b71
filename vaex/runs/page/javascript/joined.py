"""Primitives that make one array of several, and several of one."""

from vaex.runs.page.javascript.fold import Op
from vaex.runs.page.javascript.moves import copy, output_of, strides_of
from vaex.runs.page.javascript.writer import Table, Writer


def _concatenate(writer: Writer, op: Op) -> None:
    out, axis, at = output_of(writer, op), op.params["dimension"], 0
    strides = strides_of(out.shape)
    for given in op.inputs:
        value = writer.value(given)
        copy(writer, value.shape, out, strides, value, strides_of(value.shape), at=at)
        at += value.shape[axis] * strides[axis]


def _stack(writer: Writer, op: Op) -> None:
    out, axis = output_of(writer, op), op.params["axis"]
    strides = strides_of(out.shape)
    for i, given in enumerate(op.inputs):
        value = writer.value(given)
        to = [*strides[:axis], *strides[axis + 1 :]]
        copy(writer, value.shape, out, to, value, strides_of(value.shape), at=i * strides[axis])


def _split(writer: Writer, op: Op) -> None:
    value, axis, start = writer.whole(op.inputs[0]), op.params["axis"], 0
    strides = strides_of(value.shape)
    for i, out in enumerate(op.outputs):
        if writer.uses[out]:
            copy(writer, out.shape, output_of(writer, op, i), strides_of(out.shape), value, strides, start=start)
        start += out.shape[axis] * strides[axis]


def _unstack(writer: Writer, op: Op) -> None:
    value, axis = writer.whole(op.inputs[0]), op.params["axis"]
    strides = strides_of(value.shape)
    by = [*strides[:axis], *strides[axis + 1 :]]
    for i, out in enumerate(op.outputs):
        if writer.uses[out]:
            copy(writer, out.shape, output_of(writer, op, i), strides_of(out.shape), value, by, start=i * strides[axis])


TABLE: Table = {"concatenate": _concatenate, "stack": _stack, "split": _split, "unstack": _unstack}
