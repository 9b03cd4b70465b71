"""Primitives that make one number of many: sums, extremes, where these are, and sums so far."""

from vaex.runs.page.javascript.fold import Op
from vaex.runs.page.javascript.moves import loops, place, strides_of
from vaex.runs.page.javascript.writer import Table, Writer

_FOLDS = {
    "reduce_sum": ("0", "{0}+{1}"),
    "reduce_prod": ("1", "{0}*{1}"),
    "reduce_max": ("-Infinity", "Math.max({0},{1})"),
    "reduce_min": ("Infinity", "Math.min({0},{1})"),
    "reduce_and": ("1", "{0}&{1}"),
    "reduce_or": ("0", "{0}|{1}"),
    "cumsum": ("0", "{0}+{1}"),
    "cumprod": ("1", "{0}*{1}"),
    "cummax": ("-Infinity", "Math.max({0},{1})"),
    "cummin": ("Infinity", "Math.min({0},{1})"),
}


def _reduce(writer: Writer, op: Op) -> None:
    value, axes, out = writer.value(op.inputs[0]), op.params["axes"], op.outputs[0]
    start, fold = _FOLDS[op.name]
    strides, kept = strides_of(value.shape), [a for a in range(len(value.shape)) if a not in axes]
    found = writer.buffer(out.shape, out.dtype)
    outer, names = loops(writer, [value.shape[a] for a in kept])
    inner, more = loops(writer, [value.shape[a] for a in axes])
    at = place(0, [*names, *more], [strides[a] for a in (*kept, *axes)])
    body = f"let s={start};{inner}s={fold.format('s', value.at(f'({at})'))};"
    target = place(0, names, strides_of(out.shape))
    writer.lines.append(f"{outer or ''}{{{body}{found.name}[{target}]=s;}}")
    writer.env[out] = found


def _where(writer: Writer, op: Op) -> None:
    """The first place of the greatest or of the least."""
    value, (axis,), out = writer.whole(op.inputs[0]), op.params["axes"], op.outputs[0]
    strides, sign = strides_of(value.shape), ">" if op.name == "argmax" else "<"
    found = writer.buffer(out.shape, out.dtype)
    outer, names = loops(writer, [size for a, size in enumerate(value.shape) if a != axis])
    base = place(0, names, [s for a, s in enumerate(strides) if a != axis])
    body = (
        f"const p={base};let best=0;for(let k=1;k<{value.shape[axis]};k++)"
        f"if({value.name}[p+k*{strides[axis]}]{sign}{value.name}[p+best*{strides[axis]}])best=k;"
    )
    writer.lines.append(f"{outer or ''}{{{body}{found.name}[{place(0, names, strides_of(out.shape))}]=best;}}")
    writer.env[out] = found


def _so_far(writer: Writer, op: Op) -> None:
    value, axis, out = writer.whole(op.inputs[0]), op.params["axis"], op.outputs[0]
    start, fold = _FOLDS[op.name]
    strides, size = strides_of(value.shape), value.shape[axis]
    found = writer.buffer(out.shape, out.dtype)
    outer, names = loops(writer, [n for a, n in enumerate(value.shape) if a != axis])
    base = place(0, names, [s for a, s in enumerate(strides) if a != axis])
    at = f"p+{f'({size - 1}-k)' if op.params['reverse'] else 'k'}*{strides[axis]}"
    body = f"s={fold.format('s', f'{value.name}[{at}]')};{found.name}[{at}]=s;"
    writer.lines.append(f"{outer or ''}{{const p={base};let s={start};for(let k=0;k<{size};k++){{{body}}}}}")
    writer.env[out] = found


TABLE: Table = {
    **{name: _reduce for name in _FOLDS if name.startswith("reduce")},
    **{name: _so_far for name in _FOLDS if name.startswith("cum")},
    "argmax": _where,
    "argmin": _where,
}
