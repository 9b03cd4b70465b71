"""What inference is after: p(z|x) of one example, known up to the constant p(x)."""

import functools
from dataclasses import dataclass
from typing import Any

import jax
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions.abilities import is_discrete
from vaex.distributions.shapes import log_density
from vaex.distributions.sites import has_sites
from vaex.errors import OptionError, UsageError
from vaex.losses.arithmetic import where_possible
from vaex.model import AnyModel, Distribution, Example, Latent, at
from vaex.objectives.encode import encode

STARTS = ("posterior", "prior")


class Held:
    """A model as the static part of a state: the same if it is the same object, since it holds functions and arrays."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and self.model is other.model

    def __hash__(self) -> int:
        return id(self.model)


@functools.partial(jax.tree_util.register_dataclass, data_fields=("example",), meta_fields=("held",))
@dataclass(frozen=True)
class Target:
    """The model and the example that a state of an inference is about; of a state in a batch, the batch of examples.

    log p(z|x) = log p(x|z) + log p(z) - log p(x)
    """

    held: Held
    example: Example

    def log_prior(self, z: Latent) -> Float[Array, ""]:
        """Log p(z), in nats."""
        return log_density("p(z)", self._model.prior, z)

    def log_likelihood(self, z: Latent) -> Float[Array, ""]:
        """Log p(x|z), in nats."""
        model, x = at(self.held.model, self.example)
        return log_density("p(x|z)", model.decode(z), x)

    def log_joint(self, z: Latent) -> Float[Array, ""]:
        """Log p(x, z), in nats."""
        log_pz = self.log_prior(z)
        return where_possible(self.log_likelihood(z), log_pz) + log_pz

    @property
    def prior(self) -> Distribution:
        """p(z)."""
        return self._model.prior

    def start(self, key: PRNGKeyArray, start: str) -> Latent:
        """Where an inference begins: a draw from q(z|x) or from p(z).

        Raises:
            OptionError: start is neither "posterior" nor "prior".
        """
        return self.base(start).sample(key)

    def base(self, start: str) -> Distribution:
        """What an inference begins with: q(z|x) or p(z).

        Raises:
            OptionError: start is neither "posterior" nor "prior".
        """
        if start not in STARTS:
            raise OptionError("start", start, '"posterior", q(z|x), or "prior", p(z)')
        return encode(*at(self.held.model, self.example)) if start == "posterior" else self.prior

    @property
    def _model(self) -> Any:
        return at(self.held.model, self.example)[0]


def target(model: AnyModel, example: Example) -> Target:
    """The posterior of one example; for a Conditional model the example is a Given."""
    return Target(Held(model), example)


def check_continuous(prior: Distribution, method: str, *, instead: str | None = None) -> None:
    """The latents are moved along gradients or by small steps.

    Raises:
        UsageError: they are discrete, or a part of them is.
    """
    if is_discrete(prior):
        among = "inference.gibbs" if has_sites(prior) else "inference.importance or inference.rejection"
        raise UsageError(
            f"{method} moves continuous latents, and {type(prior).__name__}, p(z), is discrete: use {instead or among}"
        )
