"""Equations as docstrings have them, in ASCII, as MathML: letters, subscripts, powers and sums; words stay words.

KL = 1/2 sum_j (exp(log_var_j) - 1 - log_var_j + mean_j^2)
"""

import re
from html import escape

_TOKEN = re.compile(r"\s+|\d+(?:\.\d+)?|[^\W\d]\w*'?|\|\||<=|>=|<-|->|!=|\.\.\.|.")
_FUNCTIONS = {"log", "exp", "max", "min", "argmax", "argmin", "sup", "tanh", "sigmoid", "softmax", "softplus", "std"}
_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
    *("xi", "omicron", "pi", "rho", "final sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
)
_LETTERS = {name: chr(code) for code, name in enumerate(_GREEK, start=0x3B1)} | {
    "eps": "ε",
    "infinity": "∞",
}
_SIGNS = {"-": "−", "*": "·", "||": "∥", "<=": "≤", ">=": "≥", "<-": "←", "->": "→", "!=": "≠", "...": "…"}
_BIG = {"sum": "∑", "prod": "∏", "integral": "∫"}


def to_mathml(line: str) -> str:
    """One line of an equation -> a block of MathML."""
    atoms, _ = _row(_TOKEN.findall(line.strip()), 0, "")
    return f'<math display="block">{"".join(atoms)}</math>'


def _row(tokens: list[str], i: int, closing: str) -> tuple[list[str], int]:
    """The atoms up to a closing bracket, and where they end."""
    atoms: list[str] = []
    while i < len(tokens) and tokens[i] != closing:
        if tokens[i] == "^" and atoms and i + 1 < len(tokens):
            power, i = _atom(tokens, i + 1, outermost=False)
            atoms.append(f"<msup>{atoms.pop()}{power}</msup>")
        elif tokens[i][0] == "_" and len(tokens[i]) > 1 and atoms:  # of what stands between brackets
            atoms.append(f"<msub>{atoms.pop()}{_name(tokens[i][1:])}</msub>")
            i += 1
        else:
            atom, i = _atom(tokens, i)
            atoms.append(atom)
    return atoms, i


def _atom(tokens: list[str], i: int, *, outermost: bool = True) -> tuple[str, int]:
    """One symbol, or all that stands between round brackets, and where the next begins."""
    token = tokens[i]
    if token == "(" and ")" in tokens[i:]:
        atoms, end = _row(tokens, i + 1, ")")
        inside = "".join(atoms)
        brackets = f'<mo stretchy="false">(</mo>{inside}<mo stretchy="false">)</mo>' if outermost else inside
        return f"<mrow>{brackets}</mrow>", end + 1
    if token.isspace():
        return '<mspace width="1em"/>' if len(token) > 1 else '<mspace width="0.25em"/>', i + 1
    if token[0].isdigit():
        return f"<mn>{token}</mn>", i + 1
    if token[0].isalpha():
        return _name(token), i + 1
    return f'<mo stretchy="false">{escape(_SIGNS.get(token, token))}</mo>', i + 1


def _name(name: str) -> str:
    """A variable with its subscript, a function, or a word."""
    if name.endswith("'"):
        return f"<msup>{_name(name[:-1])}<mo>′</mo></msup>"
    base, _, index = name.rpartition("_")
    if base and 1 <= len(index) <= 2:
        return f"<msub>{_name(base)}{_name(index) if index[0].isalpha() else f'<mn>{index}</mn>'}</msub>"
    if name in _BIG:
        return f"<mo>{_BIG[name]}</mo>"
    if name in _FUNCTIONS:
        return f'<mi mathvariant="normal">{name}</mi>'
    if name in _LETTERS or len(name) == 1 or name.isupper():
        return f"<mi>{_LETTERS.get(name, name)}</mi>"
    return f"<mtext>{name}</mtext>"


def is_equation(paragraph: list[str]) -> bool:
    """Whether a paragraph of a docstring is one: it relates something, and is no sentence."""
    text = " ".join(paragraph)
    relates = re.search(r"[=~∝≈]|<-|<=| -> ", text) is not None
    return relates and not text.rstrip().endswith((".", ":", ";")) and not text.lstrip().startswith(("-", "`"))
