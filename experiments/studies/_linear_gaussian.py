"""What the studies ppca and linear_ae share: their data, and training that keeps its path."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from vaex.model import Model, Params
from vaex.models import exact
from vaex.objectives import BatchLoss
from vaex.train import Recipe, TrainState, init_state, train_epoch

LATENT_DIM = 2
STEPS = 6  # updates in an epoch
_DIM, _NUM_EXAMPLES, _NOISE_VAR = 6, 600, 0.3


def data() -> Float[Array, "n d"]:
    """Draws from a linear-Gaussian model: [600, 6], of 2 latents and a noise variance of 0.3."""
    rng = np.random.default_rng(0)
    weight, mean = rng.normal(size=(_DIM, LATENT_DIM)), rng.normal(size=_DIM)
    z, noise = rng.normal(size=(_NUM_EXAMPLES, LATENT_DIM)), rng.normal(size=(_NUM_EXAMPLES, _DIM))
    return jnp.asarray(z @ weight.T + mean + np.sqrt(_NOISE_VAR) * noise, jnp.float32)


def generator(params: Params, noise_var: Float[Array, "1"] | None = None) -> exact.LinearGaussian:
    """p(x|z) of the parameters, or with another noise."""
    decoder = params["decoder"]
    variance = jnp.exp(decoder["log_noise"]) if noise_var is None else noise_var
    return exact.LinearGaussian(decoder["weight"], decoder["mean"], variance)


def train(x: Float[Array, "n d"], batch_loss: BatchLoss, bind: Callable[[Params], Model], *, num_epochs: int) -> Params:
    """Adam with a cosine schedule -> the parameters after each epoch, on a leading axis."""
    optimizer = optax.adam(optax.cosine_decay_schedule(2e-2, STEPS * num_epochs))
    recipe = Recipe(bind, batch_loss, optimizer, lambda key, batch: batch)
    epoch = functools.partial(train_epoch, recipe=recipe, batch_size=len(x) // STEPS)

    @jax.jit
    def run(state: TrainState) -> Params:
        def one(state: TrainState, _: None) -> tuple[TrainState, Params]:
            after = epoch(state, jax.random.key(2), x)[0]
            return after, after.params

        return jax.lax.scan(one, state, None, length=num_epochs)[1]

    return run(init_state(_start(), optimizer))


def updates(num_epochs: int) -> np.ndarray:
    """How many updates there were after each epoch."""
    return STEPS * np.arange(1, num_epochs + 1)


def _start() -> Params:
    keys = jax.random.split(jax.random.key(1), 2)
    weight = 0.1 * jax.random.normal(keys[0], (LATENT_DIM, _DIM))
    return {
        "encoder": exact.AffinePosterior(weight, jnp.zeros(LATENT_DIM), jnp.zeros(LATENT_DIM)),
        "decoder": {
            "weight": 0.1 * jax.random.normal(keys[1], (_DIM, LATENT_DIM)),
            "mean": jnp.zeros(_DIM),
            "log_noise": jnp.zeros(1),
        },
    }
