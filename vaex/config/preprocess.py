"""What a config makes of grey levels, or of rows, before a likelihood is asked for them."""

from vaex.choices import find
from vaex.config.section import Config, call
from vaex.data.preprocess import BINARIZE, Preprocess, as_they_are, dequantize, scale
from vaex.errors import UsageError
from vaex.models.columns import TYPES, Columns
from vaex.models.likelihoods import LIKELIHOODS

_TYPES_OF = {"density": ("real",), "binary": ("binary",), "rows": TYPES}  # by what a likelihood is defined on


def preprocess(config: Config, columns: Columns) -> Preprocess:
    """From grey levels to pixels, or from rows to rows.

    Args:
        config: a config.
        columns: of a table; () of images.

    Raises:
        UsageError: the likelihood is no distribution over them.
    """
    likelihood, binarize = config.model.likelihood, config.data.binarize
    over = defined_on(config)
    if columns:
        _check_rows(config, columns, over)
        return Preprocess(as_they_are, over)
    if over == "rows":
        raise UsageError(
            f"model.likelihood is {likelihood.name!r}, which is over the rows of a table, with images: set "
            "--config.model.likelihood.name=gaussian_pixel, say"
        )
    if over == "binary":
        if binarize is None:
            raise UsageError(
                f"model.likelihood is {likelihood.name!r} on grey pixels, which it is no distribution over: set "
                '--config.data.binarize to "dynamic" or "threshold", or to "none" for a loss that is not a likelihood'
            )
        return find(BINARIZE, binarize, "data.binarize")
    if binarize not in (None, "none"):
        raise UsageError(
            f"data.binarize is {binarize!r} with model.likelihood {likelihood.name!r}, which needs all grey levels: "
            "set --config.data.binarize=none, or --config.model.likelihood.name=bernoulli"
        )
    return Preprocess(dequantize, "density") if over == "density" else Preprocess(scale, "levels")


def defined_on(config: Config) -> str:
    """What a config's likelihood is a distribution over: "binary" pixels, grey "levels", a "density" or "rows"."""
    return call(LIKELIHOODS, config.model.likelihood, "model.likelihood", x_shape=(1, 1, 1), columns=()).defined_on


def _check_rows(config: Config, columns: Columns, over: str) -> None:
    data, likelihood = config.data, config.model.likelihood.name
    given = {field: data[field] for field in ("binarize", "image_size", "channels")}
    given |= {"augment.name": data.augment and data.augment.name}
    given |= {"condition": None if data.condition == "label" else data.condition}
    for flag, value in given.items():
        if value not in (None, "none"):
            of_images = f"data.{flag.removesuffix('.name')} is {value!r} with a table, and is of images"
            raise UsageError(f"{of_images}: set --config.data.{flag}=none")
    allowed = _TYPES_OF.get(over, ())
    wrong = [column for column in columns if column.type not in allowed]
    if wrong:
        cure = "set --config.model.likelihood.name=table, which has a distribution for each type"
        if over == "density" and {c.type for c in wrong} <= {"positive", "count", "binary"}:
            cure += ", or --config.data.columns=real to take all for real numbers"
        raise UsageError(
            f"model.likelihood is {likelihood!r} on a table, whose column {wrong[0].name!r} is {wrong[0].type}: {cure}"
        )
