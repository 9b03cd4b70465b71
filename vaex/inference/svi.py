"""Variational inference for one example: the numbers of its own q(z), moved by gradients, without an encoder."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PRNGKeyArray

from vaex.distributions.free import free
from vaex.errors import OptionError
from vaex.inference.method import Method
from vaex.inference.target import STARTS, Target, target
from vaex.model import AnyModel, Distribution, Example, Model, Params, at
from vaex.objectives import Objective, Terms, stl
from vaex.objectives.encode import encode

OF_TEN_DRAWS = functools.partial(stl, num_samples=10)  # of fewer, a mixture's components fall together


class State(NamedTuple):
    """The q(z) of one example, its numbers without constraints, and what its next step is computed from."""

    target: Target
    q: Distribution
    numbers: Params
    opt_state: optax.OptState


def svi(
    *,
    start: str | Distribution = "posterior",
    objective: Objective = OF_TEN_DRAWS,
    optimizer: optax.GradientTransformation | None = None,
) -> Method:
    """Stochastic variational inference for one example.

    max over the numbers of q   E_q[log p(x, z) - log q(z)]

    Args:
        start: where q begins, which is also its family: "posterior", q(z|x) of the encoder; "prior", p(z); or a
            distribution.
        objective: (key, model, x) -> Terms, whose gradient moves q: any that trains an encoder. Of discrete latents
            enumerate, reinforce or vimco. Unset, stl of ten draws.
        optimizer: optax's; unset, Adam at 0.01.

    Returns:
        The method, whose info is the Terms before the step; vmap over examples outside.

    Raises:
        OptionError: another name of a start, in init.
        UsageError: a q of which it is not known what may be moved, or one that the objective refuses, in init or step.

    Source: Hoffman, Blei, Wang and Paisley 2013; for one example of a VAE, Cremer, Li and Duvenaud 2018.
    """
    chosen = optax.adam(1e-2) if optimizer is None else optimizer

    def init(key: PRNGKeyArray | None, model: AnyModel, x: Example) -> State:
        numbers, again = free(_start(*at(model, x), start))
        numbers = jax.tree.map(lambda a: jnp.asarray(a, jnp.result_type(a)), numbers)  # of one type at every step
        return State(target(model, x), again(numbers), numbers, chosen.init(numbers))

    def step(key: PRNGKeyArray, state: State) -> tuple[State, Terms]:
        model, x = at(state.target.held.model, state.target.example)
        _, again = free(state.q)

        def loss(numbers: Params) -> tuple[Array, Terms]:
            terms = objective(key, model._replace(encode=lambda x: again(numbers), weigh=None), x)
            return -terms.objective, terms

        gradient, terms = jax.grad(loss, has_aux=True)(state.numbers)
        updates, opt_state = chosen.update(gradient, state.opt_state, state.numbers)
        moved: Params = optax.apply_updates(state.numbers, updates)
        return State(state.target, again(moved), moved, opt_state), terms

    return Method(init, step)


def _start(model: Model, x: Example, start: str | Distribution) -> Distribution:
    if not isinstance(start, str):
        return start
    if start not in STARTS:
        raise OptionError("start", start, '"posterior", "prior" or a distribution')
    return encode(model, x) if start == "posterior" else model.prior
