"""Models: descriptions with init(key) -> params and bind(params) -> Model, one kind to a file."""

from vaex.choices import Choices
from vaex.models import autoencoder, deep, hierarchy, ladder, m1m2, m2, vae, vqvae
from vaex.models.description import Description, Kind, Source

KINDS: dict[str, Kind] = {
    "vae": vae.KIND,
    "hierarchy": hierarchy.KIND,
    "ladder": ladder.KIND,
    "deep": deep.KIND,
    "vqvae": vqvae.KIND,
    "m2": m2.KIND,
    "m1m2": m1m2.KIND,
    "autoencoder": autoencoder.KIND,
}
MODELS = Choices({name: kind.build for name, kind in KINDS.items()}, what="model")

__all__ = ["KINDS", "MODELS", "Description", "Kind", "Source"]
