"""A model is three functions; a VAE is the static description from which parameters make one."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
from jaxtyping import Array, PRNGKeyArray

from vaex.errors import UsageError

Params = Any  # a pytree of arrays
Example = Any  # an array, or a pytree of them: Masked, Given and the like; with a leading axis, a batch of them
Condition = Any  # what an example is modelled under: an array, or a pytree of them; None without
Latent = Any  # what a posterior samples: an array, or a pytree of them
Value = Any  # what a distribution is over: an Example or a Latent
Raw = Any  # what a network puts out: an array, or a pytree of them
Key = Any  # a PRNG key, where numpyro's signatures have None too
_CURE = "pass Given(x, condition) to a Conditional model, and bare examples to a Model"


@runtime_checkable
class Distribution(Protocol):
    """What vaex asks of a distribution; every numpyro distribution is one."""

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> Value: ...

    def log_prob(self, value: Value) -> Any: ...


Encode = Callable[[Example], Distribution]  # x -> q(z|x)


class Weighed(NamedTuple):
    """What one draw z ~ q(z|x) is weighed by, in nats."""

    likelihood: Distribution  # p(x|z)
    log_pz: Array
    log_qz: Array
    kls: Array | None = None  # KL(q(z_l|.) || p(z_l|.)) of z_1, ..., z_L, each given what is drawn before it, if known


class Model(NamedTuple):
    """A latent-variable model and its recognition model, for one example at a time.

    log p(x, z) = log p(z) + log p(x|z),   q(z|x)

    This is all that objectives and evaluation know. Three lambdas over the networks of any library make one.
    """

    prior: Distribution  # p(z)
    encode: Encode  # x -> q(z|x)
    decode: Callable[[Latent], Distribution]  # z -> p(x|z)
    # (key, q) -> what one z ~ q is weighed by, where one pass gives all of it.
    weigh: Callable[[PRNGKeyArray, Any], Weighed] | None = None

    def given(self, condition: Condition = None) -> "Model":
        """Itself, without a condition.

        Raises:
            UsageError: a condition.
        """
        _refuse(condition)
        return self


class Observed(NamedTuple):
    """A model without latents: the distribution of a fully observed example."""

    distribution: Distribution  # p(x)

    def given(self, condition: Condition = None) -> "Observed":
        """Itself, without a condition.

        Raises:
            UsageError: a condition.
        """
        _refuse(condition)
        return self


class Family(NamedTuple):
    """A distribution computed from parameters of its own and from the raw output of a network."""

    init: Callable[[PRNGKeyArray], Params]  # key -> params
    apply: Callable[..., Distribution]  # (params, raw) -> p(.|raw); of a prior, (params, encode) -> p(.)


class Given(NamedTuple):
    """An example with the condition that it is modelled under."""

    x: Example
    condition: Condition


class Conditional(NamedTuple):
    """A model for each condition: p(z|c), q(z|x, c) and p(x|z, c), or p(x|c) without latents."""

    # condition -> Model, or Observed or the Distribution itself of a fully observed x
    model_of: Callable[[Condition], Any]

    def given(self, condition: Condition = None) -> Any:
        """The model of one condition.

        Raises:
            UsageError: no condition.
        """
        if condition is None:
            raise UsageError(f"found an example without condition: {_CURE}")
        return self.model_of(condition)


AnyModel = Model | Conditional | Observed  # all that `at` takes


@functools.singledispatch
def split(example: Example) -> tuple[Example, Condition]:
    """What a model observes of an example, and the condition, None where there is none."""
    return example, None


@split.register(Given)
def _(example: Given) -> tuple[Example, Condition]:
    return example.x, example.condition


def at(model: AnyModel, example: Example) -> tuple[Any, Example]:
    """The model of one example and what it observes of it, which differ from the arguments where there is a condition.

    Args:
        model: a model, with or without latents, or one for each condition.
        example: one example; for a Conditional model a Given.

    Returns:
        What model.given gives and an x, for any function of (key, model, x).

    Raises:
        UsageError: a condition without a conditional model, or the other way round.
    """
    x, condition = split(example)
    return model.given(condition), x


def num_examples(examples: Example) -> Any:
    """How many a batch has, a pytree of arrays with a leading axis: an int, or a size that jax.export leaves open."""
    return jax.tree.leaves(examples)[0].shape[0]


def one_of(examples: Example) -> Example:
    """The first example of a batch, where any would do."""
    return jax.tree.map(lambda leaf: leaf[0], examples)


def first(examples: Example, num: int) -> Example:
    """The first of a batch."""
    return jax.tree.map(lambda leaf: leaf[:num], examples)


def _refuse(condition: Condition) -> None:
    if condition is not None:
        raise UsageError(f"found a condition for a model without one: {_CURE}")
