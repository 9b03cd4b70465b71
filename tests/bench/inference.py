"""What a leapfrog step of HMC costs on mnist_bernoulli's decoder, against its matrix products."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from tests.bench.estimators import DECODER, HIDDEN, LATENT, PIXELS
from tests.bench.timing import rates, table
from vaex import inference
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.models.vae import VAE
from vaex.networks import MLP

IMAGES, CHAINS, LEAPFROG, STEPS = 100, 16, 10, 10


def main() -> None:
    """Leapfrog steps a second of all chains together, each of which is one gradient of log p(x, z) to z."""
    found = rates({"matrix products alone": _products(), "hmc": _hmc()}, STEPS * LEAPFROG)
    title = f"50-200-200-784, {IMAGES} images x {CHAINS} chains"
    table(title, found, "matrix products alone", "leapfrog steps/s")


def _hmc():
    vae = VAE(
        x_shape=(PIXELS,),
        encoder=MLP((HIDDEN, HIDDEN), (2 * LATENT,), nn.tanh),
        decoder=MLP((HIDDEN, HIDDEN), (PIXELS,), nn.tanh),
        prior=standard_normal(LATENT),
        posterior=diagonal_normal(),
        likelihood=bernoulli(),
    )
    model = vae.bind(vae.init(jax.random.key(0)))
    method = inference.hmc(num_leapfrog=LEAPFROG, step_size=0.05, num_warmup=0)
    x = jax.random.bernoulli(jax.random.key(1), 0.2, (IMAGES, PIXELS)).astype(jnp.float32)

    @jax.jit
    def start(keys):
        return jax.vmap(lambda keys, x: jax.vmap(lambda key: method.init(key, model, x))(keys))(keys, x)

    @jax.jit
    def run(state):
        def step(state, key):
            keys = jax.random.split(key, (IMAGES, CHAINS))
            return jax.vmap(jax.vmap(method.step))(keys, state)[0], None

        return jax.lax.scan(step, state, jax.random.split(jax.random.key(2), STEPS))[0].z

    state = start(jax.random.split(jax.random.key(3), (IMAGES, CHAINS)))
    return lambda: jax.block_until_ready(run(state))


def _products():
    """Two a layer, forward and back to its input: the weights need no gradient."""
    weights = [jax.random.normal(jax.random.key(i), shape) * 0.01 for i, shape in enumerate(DECODER)]
    inputs = [jax.random.normal(jax.random.key(i), (IMAGES * CHAINS, shape[0])) for i, shape in enumerate(DECODER)]

    @jax.jit
    def run(inputs):
        def step(carry, _):
            back = [(h @ w) @ w.T for h, w in zip(carry, weights, strict=True)]
            # What the products give enters the next step's inputs, so that none can be dropped or hoisted.
            return [h + 1e-30 * b for h, b in zip(carry, back, strict=True)], None

        return jax.lax.scan(step, inputs, None, length=STEPS * LEAPFROG)[0]

    return lambda: jax.block_until_ready(run(inputs))
