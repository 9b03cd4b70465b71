"""What starts anew in the midst of training: the components of a mixture prior, from the latents of a warm-up."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vaex.errors import UsageError
from vaex.model import Example, Params, at
from vaex.models.description import Description
from vaex.objectives.encode import encode
from vaex.train.step import TrainState

MOST_EXAMPLES = 50_000
MOST_BYTES = 1 << 27  # of them as they are stored; as float32 they take four times as many
_TOGETHER = 1000  # examples encoded at a time
_APART = 1_000_000_007  # folded into the seed's key: beyond the numbers that a run's other keys are made by


def refit_prior(
    description: Description,
    preprocess: Callable,
    stored: Callable[[], Example],
    num_examples: int,
    *,
    num_epochs: int,
    seed: int,
) -> Callable[[TrainState, int], TrainState]:
    """A function of the state and the epochs done, which fits an entry of params to latents once the warm-up is over.

    Args:
        description: whose refit says which, and when.
        preprocess: (key, stored examples) -> examples.
        stored: makes the first of the training examples.
        num_examples: how many they are.
        num_epochs: of the whole training.
        seed: the run's.

    Raises:
        UsageError: a warm-up that does not end before training does; more components than images to fit them to.
    """
    refit = description.refit
    if refit is None:
        return lambda state, epoch: state
    if refit.after >= num_epochs:
        raise UsageError(
            f"model.prior.fit_after is {refit.after} with train.num_epochs {num_epochs}: expected an epoch before the "
            "last"
        )
    if refit.num_examples > num_examples:
        raise UsageError(
            f"model.prior.num_components is {refit.num_examples}, to be fitted to the latents of {num_examples} "
            f"training images: set it to at most {num_examples}"
        )
    data_key, draw_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), _APART + refit.after))

    @jax.jit
    def latents(params: Params, few: Example) -> jax.Array:
        model = description.bind(params)
        x = preprocess(data_key, few)
        keys = jax.random.split(draw_key, num_examples)
        draw = lambda one: encode(*at(model, one[1])).sample(one[0])
        return jax.lax.map(draw, (keys, x), batch_size=_TOGETHER)

    def before_epoch(state: TrainState, epoch: int) -> TrainState:
        if epoch != refit.after:
            return state
        z = latents(state.params, jax.tree.map(jnp.asarray, stored()))
        fitted = {refit.part: refit.fit(z, seed)}
        moved = None if state.moved is None else {**state.moved, **fitted}
        return state._replace(params={**state.params, **fitted}, moved=moved)

    return before_epoch


def num_fitted(num_stored: int, bytes_each: int) -> int:
    """How many of the stored examples a prior is fitted to the latents of."""
    return min(num_stored, MOST_EXAMPLES, max(1, MOST_BYTES // bytes_each))
