"""Distributions of standardized values as those of the values in their own units."""

import functools
from typing import Any

import numpyro.distributions as dist
from jax.typing import ArrayLike

from vaex.distributions.student_t import StudentT
from vaex.errors import UsageError
from vaex.model import Distribution


@functools.singledispatch
def rescaled(p: Distribution, shift: ArrayLike, scale: ArrayLike) -> Any:
    """The distribution of shift + scale x, x ~ p, elementwise.

    Raises:
        UsageError: none is known of this type.
    """
    raise UsageError(
        f"the likelihood is {type(p).__name__}, which is over numbers of one range, and was given a table, whose "
        "columns have units of their own: set --config.model.likelihood.name=gaussian_pixel, or table"
    )


rescaled.register(dist.Independent, lambda p, m, s: rescaled(p.base_dist, m, s).to_event(p.reinterpreted_batch_ndims))
rescaled.register(dist.Normal, lambda p, m, s: dist.Normal(m + s * p.loc, s * p.scale))
rescaled.register(dist.StudentT, lambda p, m, s: StudentT(p.df, m + s * p.loc, s * p.scale))
