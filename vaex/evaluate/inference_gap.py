"""What an encoder loses: the gap between log p(x) and the ELBO, in its two parts."""

from typing import NamedTuple

import jax
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.evaluate.scores import elbo, log_likelihood
from vaex.inference.iterate import iterate
from vaex.inference.svi import OF_TEN_DRAWS, svi
from vaex.model import Distribution, Example, Model
from vaex.objectives import Objective
from vaex.objectives.encode import encode


class InferenceGap(NamedTuple):
    """Three numbers of one example in nats, log p(x) >= best_elbo >= elbo but for the noise, and their differences."""

    log_px: Float[Array, "*batch"]
    best_elbo: Float[Array, "*batch"]  # of the q that is fitted to the example
    elbo: Float[Array, "*batch"]  # of the encoder's

    @property
    def approximation(self) -> Float[Array, "*batch"]:
        """What no q of the family reaches: KL(best q(z) || p(z|x))."""
        return self.log_px - self.best_elbo

    @property
    def amortization(self) -> Float[Array, "*batch"]:
        """What the encoder loses by having one function for all x."""
        return self.best_elbo - self.elbo


def inference_gap(
    key: PRNGKeyArray,
    model: Model,
    x: Example,
    *,
    log_px: Float[Array, ""] | None = None,
    start: str | Distribution = "posterior",
    objective: Objective = OF_TEN_DRAWS,
    optimizer: optax.GradientTransformation | None = None,
    num_steps: int = 1000,
    num_samples: int = 1000,
) -> InferenceGap:
    """The inference gap of one example in its two parts.

    log p(x) - ELBO = (log p(x) - max over q ELBO[q]) + (max over q ELBO[q] - ELBO[q(z|x)])

    Args:
        key: a PRNG key.
        model: a model; vmap outside.
        x: one example.
        log_px: log p(x), where it is known better, as by annealed importance sampling; unset, L_K with the fitted q,
            a lower bound, so that the approximation gap is one too.
        start: where the fitted q begins, and its family, as of inference.svi.
        objective: what fits it.
        optimizer: optax's; unset, Adam at 0.01.
        num_steps: of the fit.
        num_samples: K, and how many draws both bounds are averaged over, of the same noise where the family is one.

    Returns:
        InferenceGap, in nats.

    Raises:
        OptionError: num_steps or num_samples below 1, or another name of a start.
        UsageError: a q of which it is not known what may be moved.

    Source: Cremer, Li and Duvenaud 2018, equation 7.
    """
    encode(model, x)  # which says what is no model of one example
    fit_key, bound_key, key = jax.random.split(key, 3)
    method = svi(start=start, objective=objective, optimizer=optimizer)
    q = iterate(fit_key, method, method.init(None, model, x), num_steps=num_steps)[0].q
    fitted = model._replace(encode=lambda x: q, weigh=None)
    if log_px is None:
        log_px = log_likelihood(key, fitted, x, num_samples=num_samples)
    bounds = [elbo(bound_key, each, x, num_samples=num_samples).elbo for each in (fitted, model)]
    return InferenceGap(log_px, *bounds)
