"""Data that are missing at random: examples with a mask, and any model as a model of what is observed of them."""

import functools

import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array

from vaex.distributions.masked import Masked, ObservedPart
from vaex.distributions.shapes import check_event
from vaex.errors import UsageError
from vaex.model import Conditional, Distribution, Example, Latent, Model
from vaex.models.description import Description, Source
from vaex.models.rows import fill
from vaex.models.structure import PARTLY, with_x

Fill = float | Array | np.ndarray


def partially_observed(model: Model, *, fill: Fill = 0.0) -> Model:
    """A model of whole examples -> a model of Masked ones, for every objective and evaluation.

    log p(x_o, z) = log p(z) + sum of log p(x_j|z) over the observed j,   q(z|x_o) = encode(x with `fill` where missing)

    Args:
        model: a model whose p(x|z) is a product over the elements of x.
        fill: what the encoder is given where something is missing: a number, or one for each element of x.

    Returns:
        The model of Masked examples, whose bounds are on log p(x_observed), right where data are missing at random.

    Raises:
        UsageError: when it is used, on no Masked, a mask of another shape than x, or a p(x|z) that is no such product.

    Source: Mattei and Frellsen 2019, MIWAE: the bound and the encoder's zero imputation.
    """

    def decode(z: Latent) -> Distribution:
        whole = model.decode(z)
        check_event("p(x|z)", whole)
        if not isinstance(whole, dist.Independent) or whole.base_dist.event_shape:
            raise UsageError(
                f"a likelihood of missing data is a product over the elements of x, found {type(whole).__name__}: use "
                "one whose elements are independent given z, as those in vaex.models.likelihoods"
            )
        return ObservedPart(whole)

    def encode(example: Example) -> Distribution:
        if not isinstance(example, Masked):
            raise UsageError(f"an example of missing data is Masked(x, mask), found {type(example).__name__}: wrap it")
        return model.encode(example.filled(fill))

    return Model(model.prior, encode, decode)


@functools.singledispatch
def observed_part(model: Model, *, fill: Fill = 0.0) -> Model | Conditional:
    """The same of a model, or of one for each condition."""
    return partially_observed(model, fill=fill)


@observed_part.register(Conditional)
def _(model: Conditional, *, fill: Fill = 0.0) -> Conditional:
    return Conditional(lambda condition: partially_observed(model.given(condition), fill=fill))


def of_masked(description: Description, source: Source) -> Description:
    """The description of a model of whole examples as one of Masked examples, under a condition or not.

    Args:
        description: of any kind.
        source: what it is built for.

    Returns:
        One with the same parameters, whose reports and figures have imputation among them.
    """
    missing = fill(source)
    moved = description.statistics
    return description._replace(
        bind=lambda params: observed_part(description.bind(params), fill=missing),
        statistics=None if moved is None else lambda key, params, batch: moved(key, params, batch.filled(missing)),
        reports=(*description.reports, *(("row_imputation",) if source.columns else ("imputation",))),
        figures=(*description.figures, *(() if source.columns else ("imputations",))),
        structure=with_x(description.structure, lambda x: x._replace(role=PARTLY)),
    )
