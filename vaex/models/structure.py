"""A model as a directed graph: its variables, and the conditional distributions of p and of q between them."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import jax
import numpy as np

from vaex.model import Params
from vaex.networks.pairs import Shape

LATENT, OBSERVED, PARTLY = "latent", "observed", "partly observed"


class Variable(NamedTuple):
    """A node."""

    name: str
    shape: Shape | None  # None where it is not known
    role: str = LATENT


class Factor(NamedTuple):
    """One conditional distribution: an arrow to its variable from each of those that it is given."""

    of: str
    given: tuple[str, ...] = ()
    by: tuple[str, ...] = ()  # what computes it, by the names that a config has
    params: tuple[str, ...] = ()  # where params hold what is its own, as "decoder" or "m1/decoder"
    is_recognition: bool = False  # of q, not of p
    said: str = ""  # what stands between its brackets, where it is not what it is of and what it is given

    @property
    def name(self) -> str:
        """As p(x|z)."""
        inside = self.said or "|".join(filter(None, (self.of, ", ".join(self.given))))
        return f"{'q' if self.is_recognition else 'p'}({inside})"


class Structure(NamedTuple):
    """The directed graph of p and of q."""

    variables: tuple[Variable, ...]
    factors: tuple[Factor, ...]
    shared: tuple[tuple[str, str], ...] = ()  # what serves several factors, or none: where params hold it, what it is


class Counts(NamedTuple):
    """How many numbers params have: all of them, once."""

    factors: tuple[int, ...]
    shared: dict[str, int]  # by what they are; of what the structure does not name, by the top names of params

    @property
    def total(self) -> int:
        """Of all."""
        return sum(self.factors) + sum(self.shared.values())


def recognition(of: str, given: tuple[str, ...], by: tuple[str, ...], params: tuple[str, ...] = ()) -> Factor:
    """A factor of q."""
    return Factor(of, given, by, params, is_recognition=True)


def plain(params: Params, of_encoder: Iterable[tuple[str, ...]], x_shape: Shape | None) -> Structure:
    """What is known of a model whose kind says nothing: parameters by their top names.

    Args:
        params: a pytree with shapes.
        of_encoder: where it holds q(z|x)'s.
        x_shape: of one example; None where it is not known.
    """
    of_q = tuple("/".join(path) for path in of_encoder)
    tops = dict.fromkeys(path.partition("/")[0] for path in _sizes(params))
    of_p = tuple(name for name in tops if name not in of_q)
    known_q = tuple(name for name in tops if name in of_q)
    return Structure(
        (Variable("z", None), Variable("x", x_shape, OBSERVED)),
        (Factor("x", ("z",), of_p, of_p, said="x, z"), recognition("z", ("x",), known_q, of_q)),
    )


def count(structure: Structure, params: Params) -> Counts:
    """How many parameters each factor has, each counted once.

    Args:
        structure: of a model.
        params: its parameters, or their shapes.
    """
    claims = [(path, i) for i, factor in enumerate(structure.factors) for path in factor.params]
    factors, shared = [0] * len(structure.factors), {said: 0 for _, said in structure.shared}
    for path, size in _sizes(params).items():
        owner = next((i for claimed, i in claims if _is_within(path, claimed)), None)
        if owner is not None:
            factors[owner] += size
            continue
        said = (said for claimed, said in structure.shared if _is_within(path, claimed))
        name = next(said, path.partition("/")[0])
        shared[name] = shared.get(name, 0) + size
    return Counts(tuple(factors), shared)


def with_x(structure: Structure | None, change: Callable[[Variable], Variable]) -> Structure | None:
    """The same graph of another x, of another shape or role; None of none."""
    if structure is None:
        return None
    variables = tuple(change(one) if one.name == "x" else one for one in structure.variables)
    return structure._replace(variables=variables)


def _sizes(params: Params) -> dict[str, int]:
    leaves, _ = jax.tree.flatten_with_path(params)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): int(np.prod(leaf.shape)) for path, leaf in leaves}


def _is_within(path: str, claimed: str) -> bool:
    return path == claimed or path.startswith(f"{claimed}/")
