"""What starts anew in the midst of training: the components of a mixture prior, from the latents of a warm-up."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vaex.config.fields import Config
from vaex.errors import UsageError
from vaex.models import priors
from vaex.train import TrainState

_MOST_EXAMPLES = 10_000


def fit_prior(
    config: Config, bind: Callable[[Any], Any], preprocess: Callable, stored: Any, num_steps: int
) -> Callable[[TrainState], TrainState]:
    """A function of the state before each epoch, which fits a mixture prior to the latents once the warm-up is over.

    Raises:
        UsageError: train.fit_prior_after without a VAE and its mixture prior, or after the end; more components than
            images to fit them to.
    """
    after, c = config.train.fit_prior_after, config.model
    if after is None:
        return lambda state: state
    if c.prior != "mixture" or c.kind != "vae" or not 0 < after < config.train.num_epochs:
        raise UsageError(
            f"train.fit_prior_after is {after}, model.kind {c.kind!r}, model.prior {c.prior!r} and train.num_epochs "
            f"{config.train.num_epochs}: expected kind vae, prior mixture, and an epoch before the last"
        )
    num_examples = min(len(jax.tree.leaves(stored)[0]), _MOST_EXAMPLES)
    if c.num_components > num_examples:
        raise UsageError(
            f"model.num_components is {c.num_components}, to be fitted to the latents of {num_examples} training "
            f"images: set --config.model.num_components to at most {num_examples}"
        )
    data_key, draw_key = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), after))

    @jax.jit
    def latents(params: Any, few: Any) -> jax.Array:
        model = bind(params)
        x = preprocess(data_key, few)
        return jax.vmap(lambda k, one: model.encode(one).sample(k))(
            jax.random.split(draw_key, len(jax.tree.leaves(x)[0])), x
        )

    def before_epoch(state: TrainState) -> TrainState:
        if int(state.step) != after * num_steps:
            return state
        z = latents(state.params, jax.tree.map(lambda a: jnp.asarray(a[:_MOST_EXAMPLES]), stored))
        fitted = priors.fitted_normal_mixture(z, c.num_components, seed=config.seed)
        return state._replace(params={**state.params, "prior": fitted})

    return before_epoch
