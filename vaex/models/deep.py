"""Deep models of images by their config: maps of latents at each resolution."""

from typing import Annotated

from vaex.choices import Build
from vaex.errors import check_whole
from vaex.models import likelihoods
from vaex.models.description import Description, Kind, Source, describe, refuse, structure_of
from vaex.models.layers import names
from vaex.models.likelihood_parts import build_likelihood, output_bias
from vaex.models.likelihoods import LIKELIHOODS
from vaex.models.posteriors import starting_at
from vaex.models.structure import Factor, Structure
from vaex.models.top_down import NORMAL_MAP, TopDown
from vaex.networks import ACTIVATIONS, check_resolutions
from vaex.networks.pairs import Widths


def deep(
    source: Source,
    *,
    channels: Widths = (16, 32),
    num_blocks: Widths = (1, 1),
    latent_dim: int = 20,
    sigma: float = 1.0,
    activation: Annotated[str, ACTIVATIONS] = "elu",
    head_activation: Annotated[str | None, ACTIVATIONS] = None,
    likelihood: Annotated[Build, LIKELIHOODS] = likelihoods.bernoulli,
) -> Description:
    """Maps of latents at each resolution of an image, on one path that prior and posterior share.

    Args:
        source: what it is built for; a condition is seen, at its resolution, by the encoder and by every network of the
            path.
        channels: features at half the image's resolution, at a quarter and so on.
        num_blocks: layers of latents at each of these resolutions.
        latent_dim: latents at each position of a map.
        sigma: the standard deviation of every posterior when training starts, as of diagonal.
        activation: the nonlinearity of all branches, a name in ACTIVATIONS.
        head_activation: one more, of the path before the image; None for none. By relu there training can collapse.
        likelihood: p(x|z).
    """
    refuse("deep", source, rows="whose latents are maps of an image")
    check_whole(latent_dim=latent_dim, channels=channels)
    check_resolutions(channels, num_blocks)
    p_x = build_likelihood(likelihood, source)
    found = TopDown(
        x_shape=source.x_shape,
        out_shape=p_x.raw_shape(source.x_shape),
        channels=channels,
        num_blocks=num_blocks,
        latent_dim=latent_dim,
        likelihood=p_x,
        activation=ACTIVATIONS[activation],
        head_activation=None if head_activation is None else ACTIVATIONS[head_activation],
        out_bias=output_bias(p_x, source),
        posterior=starting_at(sigma, NORMAL_MAP, slice(latent_dim, None)),
    )
    return describe(found, source, structure=_structure(found, source, LIKELIHOODS.name_of(likelihood)))


def _structure(model: TopDown, source: Source, likelihood: str) -> Structure:
    """Each map of latents depends on those above it by way of the path, which its own branch then adds to."""
    c, depth = () if source.condition_shape is None else ("c",), len(model.blocks)
    z, by = names(depth)[::-1], ("bottleneck", "diagonal")
    p, q = [], []
    for i, name in enumerate(z):
        above = (z[i - 1],) if i else ()
        said = ", ".join(("z_>" + name.removeprefix("z_"),) * bool(i) + c)
        own = (f"prior/{i}", f"decoder/merge/{i - 1}" if i else "decoder/start")
        p.append(Factor(name, (*above, *c), by, own, said=f"{name}|{said}" if said else name))
        given = ", ".join(filter(None, (said, "x")))
        q.append(Factor(name, (*above, *c, "x"), by, (f"posterior/{i}",), is_recognition=True, said=f"{name}|{given}"))
    last = (f"decoder/merge/{depth - 1}", "decoder/head", "likelihood")
    x = Factor("x", (z[-1], *c), ("path", likelihood), last, said="|".join(("x", ", ".join(("z", *c)))))
    sizes = {name: (*block.size, model.latent_dim) for name, block in zip(z, model.blocks, strict=True)}
    shared = {"encoder": "the pyramid over x, which every q sees"}
    shared |= {"condition": "the maps of c, which all see"} if c else {}
    return structure_of(source, sizes, *p, x, *q, **shared)


KIND = Kind(deep)
