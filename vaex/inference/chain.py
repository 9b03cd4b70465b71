"""A Markov chain as a Method: a kernel with the log-density of its target, and the warm-up that tunes it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from vaex.errors import check_fraction, check_positive, check_whole
from vaex.inference.kernels import blackjax
from vaex.inference.method import Method, State
from vaex.inference.space import space, start_within_support
from vaex.inference.target import Target, check_continuous, target
from vaex.model import AnyModel, Example, Latent


class Chain(NamedTuple):
    """The state of a Markov chain."""

    target: Target
    kernel: State  # blackjax's state: the position in its space and its log-density
    tuned: dict[str, Array]  # the kernel's options that warm-up finds

    @property
    def z(self) -> Latent:
        """Where the chain is; of one chain."""
        return space(self.target).value(self.kernel.position)


class Info(NamedTuple):
    """What is worth knowing of one step of a chain."""

    acceptance_rate: Float[Array, "*batch"]
    is_divergent: Bool[Array, "*batch"]  # whether a simulated trajectory left its level of energy


class Tuning(NamedTuple):
    """How a kernel's step size is found."""

    step_size: float
    num_warmup: int
    target_acceptance: float


class Kernel(NamedTuple):
    """One of blackjax's kernels, without its options that are not tuned."""

    init: Callable[..., State]  # (z, log_density) -> its state
    step: Callable[..., tuple[State, Info]]  # (key, state, log_density, **tuned) -> state, Info
    warm_up: Callable[..., tuple[Latent, dict[str, Array]]]  # (key, z, log_density, tuning) -> z, tuned


def method(name: str, kernel: Kernel, tuning: Tuning, start: str) -> Method:
    """A Markov chain on p(z|x), whose init warms it up.

    Raises:
        OptionError: a number of the tuning out of its range.
    """
    check_positive(step_size=tuning.step_size)
    check_whole(0, num_warmup=tuning.num_warmup)
    check_fraction(target_acceptance=tuning.target_acceptance)

    def init(key: PRNGKeyArray, model: AnyModel, x: Example) -> Chain:
        p = target(model, x)
        check_continuous(p.prior, name)
        start_key, warm_key, other_key = jax.random.split(key, 3)
        first = start_within_support(start_key, other_key, p, start)
        log_joint = space(p).log_joint
        position, tuned = kernel.warm_up(warm_key, first, log_joint, tuning)
        return Chain(p, kernel.init(position, log_joint), tuned)

    def step(key: PRNGKeyArray, state: Chain) -> tuple[Chain, Info]:
        moved, info = kernel.step(key, state.kernel, space(state.target).log_joint, **state.tuned)
        return state._replace(kernel=moved), info

    return Method(init, step)


def scale(
    key: PRNGKeyArray, z: Latent, log_density: Callable, tuning: Tuning, *, init: Callable, step: Callable
) -> tuple[Latent, dict[str, Array]]:
    """The step size at which as many steps are accepted as is asked for, by dual averaging.

    Source: Hoffman and Gelman 2014, section 3.2.
    """
    adaptation = blackjax().adaptation.step_size
    start, update, final = adaptation.dual_averaging_adaptation(tuning.target_acceptance)

    def one(carry: tuple[State, State], key: PRNGKeyArray) -> tuple[tuple[State, State], None]:
        state, averages = carry
        moved, info = step(key, state, log_density, step_size=jnp.exp(averages.log_step_size))
        return (moved, update(averages, jnp.nan_to_num(info.acceptance_rate))), None

    first = jnp.asarray(tuning.step_size)
    if not tuning.num_warmup:
        return z, {"step_size": first}
    keys = jax.random.split(key, tuning.num_warmup)
    (state, averages), _ = jax.lax.scan(one, (init(z, log_density), start(first)), keys)
    return state.position, {"step_size": final(averages)}


def windows(
    key: PRNGKeyArray, z: Latent, log_density: Callable, tuning: Tuning, name: str, options: Mapping[str, object]
) -> tuple[Latent, dict[str, Array]]:
    """The step size and the diagonal masses, by Stan's windows."""
    size = sum(leaf.size for leaf in jax.tree.leaves(z))
    if not tuning.num_warmup:
        return z, {"step_size": jnp.asarray(tuning.step_size), "inverse_mass_matrix": jnp.ones(size)}
    adapt = blackjax().window_adaptation(
        vars(blackjax())[name],
        log_density,
        initial_step_size=tuning.step_size,
        target_acceptance_rate=tuning.target_acceptance,
        adaptation_info_fn=lambda *_: None,
        **options,
    )
    found, _ = adapt.run(key, z, tuning.num_warmup)
    return found.state.position, {name: found.parameters[name] for name in ("step_size", "inverse_mass_matrix")}
