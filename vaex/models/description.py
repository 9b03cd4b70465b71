"""A model without its parameters: what a kind of model is built for, and what it says of itself."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from vaex.distributions.shapes import Shape as Shapes
from vaex.distributions.shapes import check_shape, shape_of, value_shape
from vaex.errors import UsageError
from vaex.model import Condition, Conditional, Distribution, Example, Latent, Model, Params
from vaex.models.columns import Columns, have_gaps
from vaex.models.structure import OBSERVED, Factor, Structure, Variable
from vaex.networks.pairs import Shape


class Source(NamedTuple):
    """What a model is built for: the shapes of its examples, and the training images where they are at hand."""

    x_shape: Shape  # of what is modelled of one example; of a table's row, of its features
    images: Array | np.ndarray | None = None  # uint8 [N, *x_shape]; None where parameters are restored
    condition_shape: Shape | None = None  # of what each example is modelled under
    num_classes: int = 0  # labels are 0 to num_classes - 1; 0 without labels
    is_masked: bool = False  # whether examples have parts that are not observed
    columns: Columns = ()  # of a table, of whose rows a model sees the features; () of images
    mean_levels: np.ndarray | None = None  # float32, the mean of images that lie on disk, which would all be read

    @property
    def mean(self) -> Array | np.ndarray:
        """Of each training pixel, in [0, 1]; of the standardized features of rows, 0."""
        if self.columns:
            return np.zeros(self.x_shape, np.float32)
        if self.mean_levels is not None:
            return self.mean_levels / 255
        if self.images is None:
            return np.full(self.x_shape, 0.5, np.float32)
        return self.images.mean(axis=0, dtype=np.float32) / 255


class Refit(NamedTuple):
    """What starts anew in the midst of training: an entry of params, fitted to the latents of training examples."""

    part: str  # which entry
    after: int  # epochs
    num_examples: int  # that it needs at least
    fit: Callable[[Array, int], Params]  # (draws from q(z|x) of n examples [n, d], seed) -> the entry


class RandomWeights(NamedTuple):
    """Weights that have a distribution: what training draws, of the parameters of a Description that averages."""

    draw: Callable[[PRNGKeyArray, Params], Params]  # (key, params) -> params with one value of each weight
    bind: Callable[[Params], Any]  # those -> Model or Conditional
    kl: Callable[[Params], Array]  # params -> KL(q(theta) || p(theta)) in nats, once for a data set


USUAL_METRICS = ("elbo", "bound", "log_likelihood", "latents", "error")  # names in evaluate.METRICS


class Description(NamedTuple):
    """A model without its parameters, and what training and evaluation are to know of it."""

    init: Callable[[PRNGKeyArray], Params]
    bind: Callable[[Params], Any]  # params -> Model or Conditional
    recognition: tuple[tuple[str, ...], ...] = (("encoder",), ("posterior",))  # where params hold q(z|x)'s
    generator: tuple[str, ...] = ()  # which entries of params are weights of p(x|z) and of nothing else
    weights: RandomWeights | None = None  # where these have a distribution
    # (key, params, batch) -> entries of params that no gradient moves, such as moving averages, after a batch
    statistics: Callable[[PRNGKeyArray, Params, Example], dict[str, Params]] | None = None
    prepare: Callable[[PRNGKeyArray, Example], Example] | None = None  # (key, batch of data) -> batch of examples
    refit: Refit | None = None
    metrics: tuple[str, ...] = USUAL_METRICS  # what is measured at each validation
    reports: tuple[str, ...] = ("scores",)  # names in evaluate.REPORTS, of a finished run
    # Names in figures.FIGURES.
    figures: tuple[str, ...] = ("reconstructions", "samples", "manifold", "latent", "interpolations")
    num_components: int | None = None  # of a mixture prior whose clusters are reported
    select: str = "elbo"  # the metric by which the best checkpoint is chosen, where the objective names none
    structure: Structure | None = None  # its directed graph, as pages draw it; None: what params alone tell


class Kind(NamedTuple):
    """A kind of model: how it is built, and what trains it."""

    build: Callable[..., Description]  # (source, *, options) -> Description
    examples: str = "images"  # a name in data.EXAMPLES
    objectives: tuple[str, ...] = ()  # the only ones that train it; (): all that no other kind claims


def refuse(kind: str, source: Source, *, condition: str = "", mask: str = "", rows: str = "") -> None:
    """Say why a kind of model has no place for a condition, for masks or for rows, where it is asked for one.

    Raises:
        UsageError: the source has what there is a reason against.
    """
    if rows and source.columns:
        raise UsageError(f"the data set is a table with model.name {kind!r}, {rows}: set --config.model.name=vae, say")
    if condition and source.condition_shape is not None:
        raise UsageError(f"data.condition is set with model.name {kind!r}, {condition}: unset data.condition")
    if mask and source.is_masked:
        found, cure = "data.missing is set", "unset data.missing"
        if have_gaps(source.columns):
            found, cure = "values of the table are missing", "fill them, or set --config.model.name=vae"
        raise UsageError(f"{found} with model.name {kind!r}, {mask}: {cure}")


def of_one_example(model: Model, x_shape: Shape) -> Model:
    """The same model, which says so where it is given anything but one example, or one z.

    A network that takes arrays of any shape would take another too.

    Raises:
        UsageError: when it is used, on an x or a z of another shape, or an x of uint8, as images are stored.
    """

    @functools.cache
    def z_shape() -> Shapes:
        if (shape := value_shape(model.prior)) is not None:
            return shape
        return shape_of(jax.eval_shape(lambda: model.encode(jnp.zeros(x_shape)).sample(jax.random.key(0))))

    def encode(x: Example) -> Distribution:
        check_shape("an x", x, x_shape)
        if jnp.result_type(x) == jnp.uint8:
            raise UsageError(
                "found an x of uint8, as images are stored: expected what p(x|z) is over; x / 255 is within [0, 1], "
                "and x.astype(float) leaves zeros and ones as they are"
            )
        return model.encode(x)

    def decode(z: Latent) -> Distribution:
        check_shape("a z", z, z_shape())
        return model.decode(z)

    return model._replace(encode=encode, decode=decode)


def structure_of(source: Source, latents: Mapping[str, Shape], *factors: Factor, **shared: str) -> Structure:
    """The structure of latents between x and, where there is one, a condition c.

    Args:
        source: whose shapes these have.
        latents: names, and the shapes of their values.
        factors: of p and of q.
        shared: of Structure, what is held at a name.
    """
    hidden = [Variable(name, shape) for name, shape in latents.items()]
    given = [Variable("c", shape, OBSERVED) for shape in (source.condition_shape,) if shape is not None]
    return Structure((*given, *hidden, Variable("x", source.x_shape, OBSERVED)), factors, tuple(shared.items()))


def of_each_condition(bind: Callable[..., Model], params: Params, shape: Shape) -> Conditional:
    """The Conditional of a bind that takes (params, condition)."""

    def given(condition: Condition) -> Model:
        check_shape("a condition", condition, shape)
        return bind(params, condition)

    return Conditional(given)


def describe(model: Any, source: Source, **known: Any) -> Description:
    """The description of what has init(key, condition) and bind(params, condition), with a condition or without.

    Args:
        model: its condition is None where there is none.
        source: what it is built for.
        known: further fields of the Description.
    """
    shape = source.condition_shape
    if shape is None:
        return Description(model.init, model.bind, **known)
    return Description(
        lambda key: model.init(key, jnp.zeros(shape)),
        lambda params: of_each_condition(model.bind, params, shape),
        **known,
    )
