"""Elementwise primitives: each an expression of its operands' elements, so that a chain of them is one loop."""

import math
from collections.abc import Callable

from jax import lax

from vaex.runs.page.javascript.fold import Op
from vaex.runs.page.javascript.moves import broadcast
from vaex.runs.page.javascript.writer import Table, Value, Writer, kind_of

# Of a real number; helper functions are the page's own, in explorer's runtime.
_REAL = {
    "add": "({0}+{1})", "add_any": "({0}+{1})", "sub": "({0}-{1})", "mul": "({0}*{1})", "div": "({0}/{1})",
    "rem": "({0}%{1})", "neg": "(-{0})", "pow": "Math.pow({0},{1})", "atan2": "Math.atan2({0},{1})",
    "logistic": "(1/(1+Math.exp(-{0})))", "square": "square({0})", "rsqrt": "(1/Math.sqrt({0}))",
    "exp2": "Math.pow(2,{0})", "is_finite": "+isFinite({0})", "sign": "Math.sign({0})",
    "erf": "erf({0})", "erfc": "(1-erf({0}))", "erf_inv": "erfInv({0})", "lgamma": "lgamma({0})",
    "max": "Math.max({0},{1})", "min": "Math.min({0},{1})", "clamp": "Math.min(Math.max({1},{0}),{2})",
    **{name: f"Math.{name}({{0}})" for name in ("exp", "log", "log1p", "expm1", "tanh", "sqrt", "cbrt", "sin", "cos",
                                               "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh",
                                               "atanh", "abs", "floor", "ceil")},
    "eq": "+({0}==={1})", "ne": "+({0}!=={1})", "lt": "+({0}<{1})", "le": "+({0}<={1})", "gt": "+({0}>{1})",
    "ge": "+({0}>={1})",
}  # fmt: skip
_WHOLE = {
    **_REAL,
    "add": "({0}+{1}|0)", "sub": "({0}-{1}|0)", "mul": "Math.imul({0},{1})", "div": "Math.trunc({0}/{1})",
    "and": "({0}&{1})", "or": "({0}|{1})", "xor": "({0}^{1})", "not": "(~{0})", "shift_left": "({0}<<{1})",
    "shift_right_logical": "({0}>>>{1})", "shift_right_arithmetic": "({0}>>{1})",
}  # fmt: skip
_SIGNED = ("add", "sub", "mul", "neg", "and", "or", "xor", "not", "shift_left", "shift_right_arithmetic")
_KINDS = {
    "f": _REAL,
    "i": {**_WHOLE, "neg": "(-{0}|0)", "shift_right_logical": "({0}>>>{1}|0)"},
    "u": {**_WHOLE, **{name: f"({_WHOLE[name]}>>>0)" for name in _SIGNED}},
    "b": {**_WHOLE, "not": "(1-{0})"},
}


def _operands(writer: Writer, op: Op) -> list[Value]:
    """Each of the output's size, or one number."""
    out, found = op.outputs[0], []
    for given in op.inputs:
        value = writer.value(given)
        if 1 != value.size < math.prod(out.shape):  # axes of size 1 are stretched
            value = broadcast(writer, writer.whole(given), out.shape)
        if value.size < math.prod(out.shape) and "Math" in value.expression:
            value = writer.whole(given)  # once, not at each element
        found.append(value)
    return found


def _write(writer: Writer, op: Op, form: Callable[[list[Value]], str]) -> None:
    values = _operands(writer, op)
    each = [value._replace(expression=value.at("@")) for value in values]
    writer.give(op.outputs[0], form(each), op.outputs[0].shape)


def _by_table(writer: Writer, op: Op) -> None:
    formula = _KINDS[kind_of(op.inputs[0].dtype)][op.name]
    _write(writer, op, lambda values: formula.format(*(value.expression for value in values)))


def _round(writer: Writer, op: Op) -> None:
    is_even = op.params["rounding_method"] == lax.RoundingMethod.TO_NEAREST_EVEN
    form = "roundEven({0})" if is_even else "(Math.sign({0})*Math.round(Math.abs({0})))"
    _write(writer, op, lambda values: form.format(values[0].expression))


def _integer_pow(writer: Writer, op: Op) -> None:
    _write(writer, op, lambda values: f"Math.pow({values[0].expression},{op.params['y']})")


def _select(writer: Writer, op: Op) -> None:
    def form(values: list[Value]) -> str:
        which, *cases = (value.expression for value in values)
        found = cases[-1]
        for i, case in reversed(list(enumerate(cases[:-1]))):
            found = f"({which}==={i}?{case}:{found})"
        return found

    _write(writer, op, form)


def _convert(writer: Writer, op: Op) -> None:
    to, was = kind_of(op.outputs[0].dtype), kind_of(op.inputs[0].dtype)
    forms = {"b": "+({0}!==0)", "i": "Math.trunc({0})", "u": "Math.trunc({0})"}
    form = "{0}" if was == "b" or (was != "f" and to != "b") else forms.get(to, "{0}")
    if {was, to} == {"i", "u"}:
        form = "({0}>>>0)" if to == "u" else "({0}|0)"
    _write(writer, op, lambda values: form.format(values[0].expression))


def _same(writer: Writer, op: Op) -> None:
    """What changes nothing but the shape, and not the order."""
    for given, out in zip(op.inputs, op.outputs, strict=False):
        value = writer.value(given)
        if value.name:
            writer.env[out] = value._replace(shape=out.shape, dtype=out.dtype)
        else:
            writer.give(out, value.at("@"), out.shape)


def _bitcast(writer: Writer, op: Op) -> None:
    """The same bits, seen as another type of as many."""
    out, whole = op.outputs[0], writer.whole(op.inputs[0])
    view = writer.buffer(out.shape, out.dtype)
    kind = "Float32Array" if kind_of(out.dtype) == "f" else "Uint32Array"
    writer.lines.append(f"{view.name}.set(new {kind}({whole.name}.buffer,{whole.name}.byteOffset,{whole.size}));")
    writer.env[out] = view


def _random_bits(writer: Writer, op: Op) -> None:
    out = writer.buffer(op.outputs[0].shape, op.outputs[0].dtype)
    writer.lines.append(f"for(let i=0;i<{out.size};i++){out.name}[i]=randomBits();")
    writer.env[op.outputs[0]] = out


_NAMES = {name for table in _KINDS.values() for name in table}
TABLE: Table = {
    **dict.fromkeys(_NAMES, _by_table),
    "round": _round,
    "integer_pow": _integer_pow,
    "select_n": _select,
    "convert_element_type": _convert,
    "bitcast_convert_type": _bitcast,
    "random_bits": _random_bits,
    **dict.fromkeys(("reshape", "squeeze", "expand_dims", "copy", "copy_p", "stop_gradient", "reduce_precision",
                     "optimization_barrier", "pvary"), _same),
}  # fmt: skip
