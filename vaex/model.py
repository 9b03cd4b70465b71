"""A model is three functions; a VAE is the static description from which parameters make one."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Array, PRNGKeyArray

from vaex.errors import UsageError

Params = Any  # a pytree of arrays
Latent = Any  # what a posterior samples: an array, or a pytree of them


@runtime_checkable
class Distribution(Protocol):
    """What vaex asks of a distribution; every numpyro distribution is one."""

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any: ...

    def log_prob(self, value: Any) -> Any: ...


Encode = Callable[[Any], Distribution]  # x -> q(z|x)


class Model(NamedTuple):
    """A latent-variable model and its recognition model, for one example at a time.

    log p(x, z) = log p(z) + log p(x|z),   q(z|x)

    This is all that objectives and evaluation know. Three lambdas over the networks of any library make one.
    """

    prior: Distribution  # p(z)
    encode: Encode  # x -> q(z|x)
    decode: Callable[[Latent], Distribution]  # z -> p(x|z)
    # (key, q) -> p(x|z), log p(z) and log q(z) of one z ~ q, where one pass gives all three; log_w is made of it.
    weigh: Callable[[PRNGKeyArray, Any], tuple[Distribution, Array, Array]] | None = None


class Family(NamedTuple):
    """A distribution computed from parameters of its own and from the raw output of a network."""

    init: Callable[[PRNGKeyArray], Params]  # key -> params
    apply: Callable[..., Distribution]  # (params, raw) -> p(.|raw); of a prior, (params, encode) -> p(.)


class Given(NamedTuple):
    """An example with the condition that it is modelled under."""

    x: Any
    condition: Any


class Conditional(NamedTuple):
    """A model for each condition: p(z|c), q(z|x, c) and p(x|z, c), or p(x|c) without latents."""

    given: Callable[[Any], Any]  # condition -> Model, or the Distribution of a fully observed x


def at(model: Model | Conditional | Distribution, example: Any) -> tuple[Any, Any]:
    """The model of one example and what it observes of it, which differ from the arguments where there is a condition.

    Args:
        model: a model, the distribution of a fully observed example, or one of them for each condition.
        example: one example; for a Conditional model a Given.

    Returns:
        A Model or a Distribution and an x, for any function of (key, model, x).

    Raises:
        UsageError: a condition without a conditional model, or the other way round.
    """
    if isinstance(model, Conditional) != isinstance(example, Given):
        found = "a condition for a model without one" if isinstance(example, Given) else "an example without condition"
        raise UsageError(
            f"found {found}: pass Given(x, condition) to a Conditional model, and bare examples to a Model"
        )
    if isinstance(model, Conditional):
        return model.given(example.condition), example.x
    return model, example
