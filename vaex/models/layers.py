"""The directed graphs of hierarchies, z_L above and z_1 next to x."""

from vaex.choices import Build
from vaex.models.description import Source, structure_of
from vaex.models.likelihoods import LIKELIHOODS
from vaex.models.structure import Factor, Structure, recognition
from vaex.networks.pairs import Widths

_NORMAL = ("mlp", "diagonal")


def bottom_up_graph(source: Source, dims: Widths, likelihood: Build) -> Structure:
    """Of a hierarchy, whose posterior is q(z_1|x) q(z_2|z_1) ..."""
    z = names(len(dims))
    upper = (recognition(z[i], (z[i - 1],), _NORMAL, (f"posterior/{i}",)) for i in range(1, len(z)))
    return _top_down(source, dims, likelihood, recognition(z[0], _seen(source), _NORMAL, ("encoder",)), *upper)


def ladder_graph(source: Source, dims: Widths, likelihood: Build, hidden: tuple[Widths, ...]) -> Structure:
    """Of a ladder, whose posterior is q(z_L|x) ... q(z_1|z_2, x), its networks one path of Dense layers upwards."""
    z, start, factors = names(len(dims)), 0, []
    for name, above, widths in zip(z, (*z[1:], None), hidden, strict=True):
        own = tuple(f"encoder/params/Dense_{start + k}" for k in range(len(widths) + 1))
        given = () if above is None else (above,)
        by = _NORMAL if above is None else ("mlp", f"merged with p({name}|{above})")
        factors.append(recognition(name, (*given, *_seen(source)), by, own))
        start += len(own)
    return _top_down(source, dims, likelihood, *reversed(factors))


def names(depth: int) -> tuple[str, ...]:
    """z_1 to z_L; of a single layer z."""
    return ("z",) if depth == 1 else tuple(f"z_{i + 1}" for i in range(depth))


def _top_down(source: Source, dims: Widths, likelihood: Build, *posterior: Factor) -> Structure:
    c, z = _condition(source), names(len(dims))[::-1]
    top = Factor(z[0], c, _NORMAL if c else ("standard",), ("prior/0",))
    between = (Factor(z[i], (z[i - 1], *c), _NORMAL, (f"prior/{i}",)) for i in range(1, len(z)))
    x = Factor("x", (z[-1], *c), ("mlp", LIKELIHOODS.name_of(likelihood)), ("decoder", "likelihood"))
    sizes = {name: (dim,) for name, dim in zip(z, reversed(dims), strict=True)}
    return structure_of(source, sizes, top, *between, x, *posterior)


def _seen(source: Source) -> tuple[str, ...]:
    return ("x", *_condition(source))


def _condition(source: Source) -> tuple[str, ...]:
    return () if source.condition_shape is None else ("c",)
