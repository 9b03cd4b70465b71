"""Products of matrices, and convolutions, which are products of patches."""

import math
from collections.abc import Sequence

import numpy as np

from vaex.runs.page.javascript.fold import Op, Operand, Symbol, array
from vaex.runs.page.javascript.moves import copy, pad, strides_of, transposed
from vaex.runs.page.javascript.writer import Table, Unwritten, Value, Writer, literal


def _with_axes(writer: Writer, given: Operand, order: Sequence[int]) -> Value:
    """An operand with its axes in another order: of a known one here, once and for all."""
    if isinstance(given, Symbol):
        return writer.whole(transposed(writer, writer.whole(given), order))
    return writer.weight(np.ascontiguousarray(array(given).transpose(order)))


def _dot_general(writer: Writer, op: Op) -> None:
    (by_a, by_b), (batch_a, batch_b) = op.params["dimension_numbers"]
    a, b = op.inputs
    free_a = [axis for axis in range(len(a.shape)) if axis not in (*by_a, *batch_a)]
    free_b = [axis for axis in range(len(b.shape)) if axis not in (*by_b, *batch_b)]
    batch, inner, rows, columns = (
        math.prod(shape[axis] for axis in axes)
        for shape, axes in ((a.shape, batch_a), (a.shape, by_a), (a.shape, free_a), (b.shape, free_b))
    )
    left = _with_axes(writer, a, [*batch_a, *free_a, *by_a])
    order = [*batch_b, *free_b, *by_b] if columns == 1 else [*batch_b, *by_b, *free_b]
    out = writer.buffer(op.outputs[0].shape, op.outputs[0].dtype)
    product(writer, out, left, _with_axes(writer, b, order), (batch, rows, inner, columns))
    writer.env[op.outputs[0]] = out


def product(writer: Writer, out: Value, a: Value, b: Value, sizes: tuple[int, int, int, int]) -> None:
    """out[i, j] = sum_k a[i, k] b[k, j], for each of a batch."""
    batch, rows, inner, columns = sizes
    o, x, y = out.name, a.name, b.name
    if not inner:
        writer.lines.append(f"{o}.fill(0);")
        return
    head = f"for(let n=0;n<{batch};n++)for(let i=0;i<{rows};i++){{"
    if columns == 1:
        start = f"const p=(n*{rows}+i)*{inner},q=n*{inner};let s=0;"
        body = f"for(let k=0;k<{inner};k++)s+={x}[p+k]*{y}[q+k];{o}[n*{rows}+i]=s;"
        writer.lines.append(f"{head}{start}{body}}}")
        return
    # Along rows of b, four at a time: each element of the output is read and written a quarter as often.
    start = f"const p=(n*{rows}+i)*{inner},r=(n*{rows}+i)*{columns};{o}.fill(0,r,r+{columns});let k=0;"
    four = ",".join(f"v{m}={x}[p+k+{m}]" for m in range(4))
    quick = "if(v0===0&&v1===0&&v2===0&&v3===0)continue;"
    total = "+".join(f"v{m}*{y}[q+{m * columns}+j]" for m in range(4))
    body = (
        f"for(;k<{inner - inner % 4};k+=4){{const {four};{quick}const q=(n*{inner}+k)*{columns};"
        f"for(let j=0;j<{columns};j++){o}[r+j]+={total};}}"
        f"for(;k<{inner};k++){{const v={x}[p+k],q=(n*{inner}+k)*{columns};"
        f"for(let j=0;j<{columns};j++){o}[r+j]+=v*{y}[q+j];}}"
    )
    writer.lines.append(f"{head}{start}{body}}}")


def _convolution(writer: Writer, op: Op) -> None:
    params, numbers = op.params, op.params["dimension_numbers"]
    if params["feature_group_count"] > 1 or params["batch_group_count"] > 1:
        raise Unwritten(f"the primitive {op.name!r} has no JavaScript with groups")
    order, (outputs, inputs, *of_kernel) = numbers.lhs_spec, numbers.rhs_spec
    x = transposed(writer, writer.whole(op.inputs[0]), [order[0], *order[2:], order[1]])
    kernel = _with_axes(writer, op.inputs[1], [*of_kernel, inputs, outputs])
    n, *size, channels = x.shape
    *window, _, features = kernel.shape
    between = [
        (low, high, step - 1) for (low, high), step in zip(params["padding"], params["lhs_dilation"], strict=True)
    ]
    if any(any(c) for c in between):
        shape = (
            n,
            *(low + high + s + (s - 1) * gap for s, (low, high, gap) in zip(size, between, strict=True)),
            channels,
        )
        zero = Value(literal(0.0), (), x.dtype)
        x = pad(writer, x, zero, [(0, 0, 0), *between, (0, 0, 0)], shape)
    out_order = numbers.out_spec
    out_size = [op.outputs[0].shape[axis] for axis in out_order[2:]]
    strides = strides_of(x.shape)
    dims = [n, *out_size, *window, channels]
    by = [
        strides[0],
        *(s * step for s, step in zip(strides[1:-1], params["window_strides"], strict=True)),
        *(s * step for s, step in zip(strides[1:-1], params["rhs_dilation"], strict=True)),
        1,
    ]
    rows, inner = n * math.prod(out_size), math.prod(window) * channels
    patches = x
    if math.prod(window) > 1 or any(step > 1 for step in params["window_strides"]):
        patches = writer.buffer(dims, x.dtype)
        copy(writer, dims, patches, strides_of(dims), x, by)
    out = writer.buffer((n, *out_size, features), x.dtype)
    b = transposed(writer, kernel, [*range(len(window)), len(window) + 1, len(window)]) if features == 1 else kernel
    product(writer, out, writer.whole(patches), writer.whole(b), (1, rows, inner, features))
    # Of the output's own axes, where those of [n, *size, features] are.
    where = [0] * len(out.shape)
    for axis, own in enumerate((out_order[0], *out_order[2:], out_order[1])):
        where[own] = axis
    writer.env[op.outputs[0]] = transposed(writer, out, where)


TABLE: Table = {"dot_general": _dot_general, "conv_general_dilated": _convolution}
