"""What can be moved of z: for each layer of latents a vector, such that all that p(z) draws is within a few units."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from vaex.distributions import abilities
from vaex.distributions.chain import Chain
from vaex.distributions.labelled import Labelled, LabelledLatent
from vaex.distributions.stacked import Generated, StackedLatent, StackedPosterior
from vaex.distributions.supports import nearest
from vaex.model import Distribution, Latent

_DRAWS = 20  # of q(z|x), where its mean is not known
Parts = tuple[Array, ...]  # one for each layer


class Coordinates(NamedTuple):
    """Latents as vectors, one for each layer, and back."""

    layers: tuple[str, ...]  # their names
    kinds: tuple[str, ...]  # of each: "real" numbers, a "label" as one-hot, or "fixed", which nothing moves
    of: Callable[[Latent], Parts]
    latent: Callable[[Parts], Latent]
    draw: Callable[[PRNGKeyArray], Parts]


@functools.singledispatch
def coordinates(p: Distribution, z: Latent) -> Coordinates:
    """How latents are moved.

    Those of one vector themselves; those of a hierarchy by what each is beside its conditional, so that a layer moves
    all that is drawn after it:

    u_l = (z_l - mean_l(z_>l)) / sigma_l(z_>l)

    Args:
        p: the prior.
        z: one value, or the shapes of one.
    """
    leaves, structure = jax.tree.flatten(z)
    is_vector = len(leaves) == 1 and len(leaves[0].shape) == 1 and jnp.issubdtype(leaves[0].dtype, jnp.floating)
    kind = "real" if is_vector and not abilities.is_discrete(p) else "fixed"
    of = lambda z: tuple(jax.tree.leaves(z))
    draw = lambda key: of(p.sample(key))
    names = ("z",) if len(leaves) == 1 else tuple(f"z{i + 1}" for i in range(len(leaves)))
    latent = lambda parts: nearest(p, structure.unflatten(parts))
    return Coordinates(names, (kind,) * len(leaves), of, latent, draw)


@coordinates.register(Chain)
def _(p: Chain, z: Latent) -> Coordinates:
    if not all(p.ask(lambda conditional: _normal(conditional) is not None)):
        return coordinates.dispatch(object)(p, z)
    last = len(z) - 1
    place = lambda i: last - i if p.top_down else i  # of what is drawn as the i-th

    def of(z: Latent) -> Parts:
        conditionals, _ = p.walk(lambda i, conditional: z[place(i)])
        return tuple((z_l - mean) / scale for z_l, (mean, scale) in zip(z, map(_normal, conditionals), strict=True))

    def latent(parts: Parts) -> Latent:
        return p.walk(lambda i, conditional: _at(conditional, parts[place(i)]))[1]

    def draw(key: PRNGKeyArray) -> Parts:
        return tuple(jax.random.normal(jax.random.fold_in(key, i), z_l.shape) for i, z_l in enumerate(z))

    return Coordinates(tuple(f"z{i + 1}" for i in range(len(z))), ("real",) * len(z), of, latent, draw)


@coordinates.register(Labelled)
def _(p: Labelled, z: Latent) -> Coordinates:
    of = lambda z: (z.y, z.z)
    return Coordinates(
        ("label", "z"), ("label", "real"), of, lambda parts: LabelledLatent(*parts), lambda key: of(p.sample(key))
    )


@coordinates.register(Generated)
def _(p: Generated, z: Latent) -> Coordinates:
    above = coordinates(p.model.prior, z.above)

    def of(z: Latent) -> Parts:
        mean, scale = _normal(p.model.decode(z.above))
        return (*above.of(z.above), (z.below - mean) / scale)

    def latent(parts: Parts) -> Latent:
        upper = above.latent(parts[:-1])
        return StackedLatent(_at(p.model.decode(upper), parts[-1]), upper)

    def draw(key: PRNGKeyArray) -> Parts:
        above_key, below_key = jax.random.split(key)
        return (*above.draw(above_key), jax.random.normal(below_key, z.below.shape))

    return Coordinates((*above.layers, "z below"), (*above.kinds, "real"), of, latent, draw)


@functools.singledispatch
def point(q: Distribution) -> Latent:
    """One z that stands for q(z|x): its mean, of a hierarchy each layer's given those before; of codes a draw."""
    if abilities.is_discrete(q):
        return q.sample(jax.random.key(0))
    return nearest(q, abilities.estimate_mean(jax.random.key(0), q, _DRAWS))


@point.register(Chain)
def _(q: Chain) -> Latent:
    return q.walk(lambda i, conditional: point(conditional))[1]


@point.register(Labelled)
def _(q: Labelled) -> Latent:
    y = jax.nn.one_hot(jnp.argmax(q.label.mean), len(q.label.mean))
    return LabelledLatent(y, point(q.at(y)))


@point.register(StackedPosterior)
def _(q: StackedPosterior) -> Latent:
    below = point(q.below)
    return StackedLatent(below, point(q.above(below)))


def _normal(p: Distribution) -> Any:
    """The mean and the deviation of a diagonal normal distribution, else None."""
    each = abilities.factors(p)
    return None if each is None else abilities.normal_parameters(each)


def _at(p: Distribution, noise: Array) -> Array:
    mean, scale = _normal(p)
    return mean + scale * noise
