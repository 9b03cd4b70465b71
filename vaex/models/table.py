"""The likelihood of a table's row: the product of its columns', each of its own type."""

import itertools
from typing import Annotated

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vaex.distributions.columns import Columns as Product
from vaex.model import Distribution, Params
from vaex.models.column_parts import COUNT, POSITIVE, REAL, Options, bernoulli, categorical, ordinal
from vaex.models.columns import Column, Columns
from vaex.models.likelihood_parts import Likelihood, unbounded
from vaex.models.scales import check_degrees, check_learned


def table(
    *,
    columns: Columns,
    real: Annotated[str, REAL] = "gaussian",
    positive: Annotated[str, POSITIVE] = "log_normal",
    count: Annotated[str, COUNT] = "negative_binomial",
    sigma: float = 1.0,
    min_sigma: float = 0.01,
    degrees: float = 4.0,
) -> Likelihood:
    """The likelihood of a row, the product of its columns': p(x|z) = prod_j p_j(x_j|z), in the units of each.

    Binary columns are Bernoulli, categories have a softmax over their classes, and ordered classes cutpoints.

    Args:
        columns: what they are.
        real: of real columns: gaussian, gaussian_output, student_t or student_t_output; _output has its scale from z.
        positive: of positive columns: log_normal or log_normal_output.
        count: of counts: poisson or negative_binomial, or either after zero_inflated_.
        sigma: where scales start, in standard deviations of a column.
        min_sigma: what they stay above, and those from z below the inverse of.
        degrees: of freedom, of Student's, above 1.

    Source: Nazabal, Olmos, Ghahramani and Valera 2020, section 3.1.
    """
    check_degrees(degrees)
    check_learned(sigma, min_sigma)
    if "output" in real + positive:
        unbounded(sigma, min_sigma)
    options = Options(sigma, min_sigma, degrees)
    by_type = {
        "real": REAL[real],
        "positive": POSITIVE[positive],
        "count": COUNT[count],
        "binary": bernoulli,
        "categorical": categorical,
        "ordinal": ordinal,
    }
    groups = _groups(columns)
    parts = [by_type[columns[place[0]].type](tuple(columns[i] for i in place), options) for place in groups]
    sizes = [part.start.size for part in parts]
    edges = np.cumsum(sizes)[:-1].tolist()

    def apply(params: Params, raw: Float[Array, " r"]) -> Distribution:
        own = zip(parts, jnp.split(raw, edges), params, strict=True)
        made = [part.apply(known, some.reshape(part.start.shape)) for part, some, known in own]
        return Product(tuple(made), groups).to_event(1)

    def init(key: Array) -> Params:
        return [{name: jnp.asarray(value, jnp.float32) for name, value in part.init.items()} for part in parts]

    return Likelihood(
        init,
        apply,
        defined_on="rows",
        raw_shape=lambda x_shape: (sum(sizes),),
        start=lambda mean: np.concatenate([part.start.reshape(-1) for part in parts]),
    )


def _groups(columns: Columns) -> tuple[tuple[int, ...], ...]:
    """The places of columns that have one distribution: those of one type, with as many classes."""
    alike = lambda i: _type_of(columns[i])
    return tuple(tuple(places) for _, places in itertools.groupby(sorted(range(len(columns)), key=alike), key=alike))


def _type_of(column: Column) -> tuple[str, int]:
    return column.type, len(column.classes)
