"""Models of a table's rows: a model of what the encoder sees of a row becomes one of the row itself."""

import functools

import jax
from jaxtyping import Array

from vaex.distributions.shapes import check_shape
from vaex.errors import UsageError
from vaex.model import AnyModel, Conditional, Distribution, Example, Model, Params
from vaex.models.columns import Columns, features, missing_row
from vaex.models.description import Description, Source
from vaex.models.structure import with_x


def of_rows(description: Description, source: Source) -> Description:
    """The description of a model that sees features as one that is given rows, [D], in units of their own.

    Args:
        description: of any kind that encodes an example as it is.
        source: what it is built for.

    Returns:
        One with the same parameters.

    Raises:
        UsageError: a kind of model that corrupts or pairs its examples by itself.
    """
    if description.prepare is not None:
        raise UsageError("a model that corrupts its images was given a table: leave out model.noise")

    def bind(params: Params) -> AnyModel:
        whole = description.bind(params)
        if source.condition_shape is None:
            return _of_row(whole, source.columns)
        return Conditional(lambda condition: _of_row(whole.given(condition), source.columns))

    moved = description.statistics
    see = jax.vmap(functools.partial(features, source.columns))
    return description._replace(
        bind=bind,
        statistics=None if moved is None else lambda key, params, batch: moved(key, params, see(batch)),
        reports=(*description.reports, "density"),
        figures=("latent", "density"),
        structure=with_x(description.structure, lambda x: x._replace(shape=(len(source.columns),))),
    )


def fill(source: Source) -> float | Array:
    """What stands in an example where something is missing, of which the encoder sees zeros."""
    return missing_row(source.columns) if source.columns else 0.0


def _of_row(model: Model, columns: Columns) -> Model:
    def encode(row: Example) -> Distribution:
        check_shape("a row", row, (len(columns),))
        return model.encode(features(columns, row))

    return model._replace(encode=encode)
