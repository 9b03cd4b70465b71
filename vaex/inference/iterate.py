"""A method's steps, one after another."""

import jax
from jaxtyping import PRNGKeyArray

from vaex.errors import check_whole
from vaex.inference.method import Method, State, StepInfo


def iterate(key: PRNGKeyArray, method: Method, state: State, *, num_steps: int) -> tuple[State, StepInfo]:
    """A method's steps from a state, as one scan.

    state_t, info_t = step(key_t, state_{t-1})

    Args:
        key: a PRNG key.
        method: a method.
        state: where it goes on from, as method.init(key, model, x) gives it.
        num_steps: T.

    Returns:
        The last state, and the info of each step, [T, ...].

    Raises:
        OptionError: num_steps below 1.
    """
    check_whole(num_steps=num_steps)
    return jax.lax.scan(lambda state, key: method.step(key, state), state, jax.random.split(key, num_steps))
