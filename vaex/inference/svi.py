"""Variational inference for one example: the numbers of its own q(z), moved by gradients, without an encoder."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PRNGKeyArray

from vaex.distributions.free import free
from vaex.errors import OptionError
from vaex.inference.method import Method
from vaex.model import Distribution, Example, Model, Params
from vaex.objectives import Objective, Terms, stl
from vaex.objectives.encode import encode

OF_TEN_DRAWS = functools.partial(stl, num_samples=10)  # of fewer, a mixture's components fall together


class State(NamedTuple):
    """The q(z) of one example, its numbers without constraints, and what its next step is computed from."""

    q: Any  # a distribution
    numbers: Params
    opt_state: optax.OptState


def svi(
    model: Model,
    x: Example,
    *,
    start: str | Distribution = "encoder",
    objective: Objective = OF_TEN_DRAWS,
    optimizer: optax.GradientTransformation | None = None,
) -> Method:
    """Stochastic variational inference for one example.

    max over the numbers of q   E_q[log p(x, z) - log q(z)]

    Args:
        model: a model.
        x: one example; vmap outside.
        start: where q begins, which is also its family: "encoder", q(z|x); "prior", p(z); or a distribution.
        objective: (key, model, x) -> Terms, whose gradient moves q: any that trains the encoder. Of discrete latents
            enumerate, reinforce or vimco. Unset, stl of ten draws.
        optimizer: optax's; unset, Adam at 0.01.

    Returns:
        Method(init, step): init(key) -> State, step(key, State) -> State, the Terms before the step.

    Raises:
        OptionError: another name of a start.
        UsageError: a q of which it is not known what may be moved, or one that the objective refuses.

    Source: Hoffman, Blei, Wang and Paisley 2013; for one example of a VAE, Cremer, Li and Duvenaud 2018.
    """
    chosen = optax.adam(1e-2) if optimizer is None else optimizer
    numbers, again = free(_start(model, x, start))
    numbers = jax.tree.map(lambda a: jnp.asarray(a, jnp.result_type(a)), numbers)  # of one type at every step

    def init(key: PRNGKeyArray | None = None) -> State:
        return State(again(numbers), numbers, chosen.init(numbers))

    def step(key: PRNGKeyArray, state: State) -> tuple[State, Terms]:
        def loss(numbers: Params) -> tuple[Any, Terms]:
            terms = objective(key, model._replace(encode=lambda x: again(numbers), weigh=None), x)
            return -terms.objective, terms

        gradient, terms = jax.grad(loss, has_aux=True)(state.numbers)
        updates, opt_state = chosen.update(gradient, state.opt_state, state.numbers)
        moved: Params = optax.apply_updates(state.numbers, updates)
        return State(again(moved), moved, opt_state), terms

    return Method(init, step)


def _start(model: Model, x: Example, start: str | Distribution) -> Distribution:
    if not isinstance(start, str):
        return start
    if start not in ("encoder", "prior"):
        raise OptionError("start", start, '"encoder", "prior" or a distribution')
    return encode(model, x) if start == "encoder" else model.prior
