"""Data that are missing at random: examples with a mask, and any model as a model of what is observed of them."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Bool, Float

from vaex.errors import UsageError
from vaex.model import Distribution, Latent, Model


class Masked(NamedTuple):
    """An example with what is observed of it; the values elsewhere have no influence on anything, even nan."""

    x: Float[Array, "..."]
    mask: Bool[Array, "..."]  # of the same shape; True where x is observed

    def filled(self, value: Any = 0.0) -> Float[Array, "..."]:
        """X with a value, or with those of an array, where it is missing.

        Raises:
            UsageError: a mask of another shape than x.
        """
        if jnp.shape(self.x) != jnp.shape(self.mask):
            raise UsageError(
                f"found a mask of shape {jnp.shape(self.mask)} with an x of shape {jnp.shape(self.x)}: "
                "expected the same, True where x is observed"
            )
        return jnp.where(self.mask, self.x, value)


def observed_size(examples: Any, size: int) -> float:
    """How many elements of an example are modelled, on average: all `size`, or those observed of Masked examples."""
    return float(jnp.sum(examples.mask) / len(examples.mask)) if isinstance(examples, Masked) else size


class ObservedPart(NamedTuple):
    """P(x_observed|z) of a likelihood whose factors are independent; its draws and its mean are of the whole x."""

    whole: Any  # p(x|z), a numpyro distribution

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        return self.whole.sample(key, sample_shape)

    def log_prob(self, value: Masked) -> Float[Array, "..."]:
        x, dims = value.filled(), self.whole.reinterpreted_batch_ndims
        return self.whole.base_dist.mask(value.mask).to_event(dims).log_prob(x)

    @property
    def mean(self) -> Any:
        """E[x|z]."""
        return self.whole.mean


def partially_observed(model: Model) -> Model:
    """A model of whole examples -> a model of Masked ones, for every objective and evaluation.

    log p(x_o, z) = log p(z) + sum of log p(x_j|z) over the observed j,   q(z|x_o) = encode(x with 0 where missing)

    Args:
        model: a model whose p(x|z) is a product over the elements of x.

    Returns:
        The model of Masked examples, whose bounds are on log p(x_observed), right where data are missing at random.

    Raises:
        UsageError: when it is used, on no Masked, a mask of another shape than x, or a p(x|z) that is no such product.

    Source: Mattei and Frellsen 2019, MIWAE: the bound and the encoder's zero imputation.
    """

    def decode(z: Latent) -> Distribution:
        whole = model.decode(z)
        if not isinstance(whole, dist.Independent) or whole.base_dist.event_shape:
            raise UsageError(
                f"a likelihood of missing data is a product over the elements of x, found {type(whole).__name__}: use "
                "one whose elements are independent given z, as those in vaex.likelihoods"
            )
        return ObservedPart(whole)

    def encode(example: Any) -> Distribution:
        if not isinstance(example, Masked):
            raise UsageError(f"an example of missing data is Masked(x, mask), found {type(example).__name__}: wrap it")
        return model.encode(example.filled())

    return Model(model.prior, encode, decode)
