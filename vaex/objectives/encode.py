"""q(z|x) of one example, which is checked to be one."""

import functools
from typing import NoReturn

import jax

from vaex.distributions.shapes import check_event, log_density
from vaex.errors import UsageError
from vaex.model import Conditional, Distribution, Example, Model, Observed


@functools.singledispatch
def encode(model: Model, x: Example) -> Distribution:
    """q(z|x) of one example.

    Raises:
        UsageError: q(z|x) is a batch of distributions, or the model is none of examples without a condition.
    """
    match model:
        case object(encode=_, decode=_, prior=_):
            q = model.encode(x)
        case _:
            raise UsageError(f"found a {type(model).__name__} for a model: expected f(key, model, x)")
    check_event("q(z|x)", q)
    return q


@encode.register(Conditional)
def _(model: Conditional, x: Example) -> NoReturn:
    raise UsageError(
        "found a Conditional, which has a Model for each condition: expected a Model; call f(key, *at(model, x))"
    )


@encode.register(Observed)
def _(model: Observed, x: Example) -> NoReturn:
    raise UsageError("found an Observed, which has no latents: expected a Model; use the objective log_joint")


def encode_example(model: Model, x: Example) -> Distribution:
    """q(z|x) of one example, where nobody asks for log p(x|z) and so would see that x is no value of it.

    Raises:
        UsageError: as of encode; x has not the shape of what p(x|z) is over, or log p(x|z) is not one number.
    """
    q = encode(model, x)
    jax.eval_shape(lambda: log_density("p(x|z)", model.decode(q.sample(jax.random.key(0))), x))
    return q
