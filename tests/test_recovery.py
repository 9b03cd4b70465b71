"""Training finds the known answers: maximum-likelihood probabilistic PCA, and the principal subspace."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vaex import exact, objectives
from vaex.model import Params
from vaex.train import Recipe, TrainState, init_state, train_epoch

D, K, N = 6, 2, 600
RNG = np.random.default_rng(0)
TRUTH = exact.LinearGaussian(
    jnp.asarray(RNG.normal(size=(D, K)), jnp.float32), jnp.asarray(RNG.normal(size=D), jnp.float32), jnp.array([0.3])
)
DATA = jnp.asarray(
    RNG.normal(size=(N, K)) @ np.asarray(TRUTH.weight).T + TRUTH.mean + np.sqrt(0.3) * RNG.normal(size=(N, D)),
    jnp.float32,
)


def start() -> dict:
    keys = jax.random.split(jax.random.key(1), 2)
    return {
        "encoder": exact.AffinePosterior(0.1 * jax.random.normal(keys[0], (K, D)), jnp.zeros(K), jnp.zeros(K)),
        "decoder": {
            "weight": 0.1 * jax.random.normal(keys[1], (D, K)),
            "mean": jnp.zeros(D),
            "log_noise": jnp.zeros(1),
        },
    }


def generator(params: Params, noise_var: jax.Array | None = None) -> exact.LinearGaussian:
    decoder = params["decoder"]
    variance = jnp.exp(decoder["log_noise"]) if noise_var is None else noise_var
    return exact.LinearGaussian(decoder["weight"], decoder["mean"], variance)


def train(batch_loss, bind, *, num_epochs: int) -> Params:
    """Adam with a cosine schedule, 6 steps an epoch -> the parameters."""
    optimizer = optax.adam(optax.cosine_decay_schedule(2e-2, 6 * num_epochs))
    recipe = Recipe(bind, batch_loss, optimizer, lambda key, x: x)
    epoch = functools.partial(train_epoch, recipe=recipe, batch_size=100)

    @jax.jit
    def run(state: TrainState) -> TrainState:
        return jax.lax.scan(lambda s, _: (epoch(s, jax.random.key(2), DATA)[0], None), state, None, length=num_epochs)[
            0
        ]

    return run(init_state(start(), optimizer)).params


def test_training_reaches_the_closed_form_maximum_likelihood():
    """Log-likelihood within 0.1%, principal angles below 1 degree."""

    def bind(params: Params):
        return exact.bind_linear_gaussian({"encoder": params["encoder"], "decoder": generator(params)})

    trained = generator(train(objectives.batch_loss(objectives.stl), bind, num_epochs=500))
    best = exact.ppca_maximum_likelihood(DATA, K)
    found, maximum = (float(jnp.mean(jax.vmap(m.log_px)(DATA))) for m in (trained, best))
    assert found <= maximum + 1e-4
    assert abs(found / maximum - 1) < 1e-3
    assert exact.principal_angles(trained.weight, best.weight).max() < 1


def test_a_linear_autoencoder_without_kl_and_noise_finds_the_principal_subspace():
    def bind(params: Params):
        silent = params["encoder"]._replace(log_var=jnp.full(K, -30.0))
        return exact.bind_linear_gaussian({"encoder": silent, "decoder": generator(params, jnp.array([1e-2]))})

    trained = train(objectives.batch_loss(objectives.elbo, beta=0.0), bind, num_epochs=500)
    best = exact.ppca_maximum_likelihood(DATA, K)
    assert exact.principal_angles(trained["decoder"]["weight"], best.weight).max() < 1
