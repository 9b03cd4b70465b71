"""L_5000 against its matrix products alone: the decoder of mnist_bernoulli, 50-200-200-784."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from tests.bench.timing import rates, table
from vaex import evaluate
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.models.vae import VAE
from vaex.networks import MLP
from vaex.runs.experiments import load_experiment

IMAGES, SAMPLES, SHAPE = 100, 5000, (28, 28, 1)
LAYERS = ((50, 200), (200, 200), (200, 784))


def main() -> None:
    """Importance samples a second, and what 10,000 images would take."""
    options = load_experiment("mnist_bernoulli").evaluate
    vae = VAE(
        x_shape=SHAPE,
        encoder=MLP((200, 200), (100,), nn.tanh),
        decoder=MLP((200, 200), SHAPE, nn.tanh),
        prior=standard_normal(50),
        posterior=diagonal_normal(),
        likelihood=bernoulli(),
    )
    params = vae.init(jax.random.key(0))
    x = jnp.asarray(np.random.default_rng(0).integers(0, 2, (IMAGES, *SHAPE)), jnp.float32)

    @jax.jit
    def bound(params, x):
        def one(key, example):
            return evaluate.log_likelihood(
                key, vae.bind(params), example, num_samples=SAMPLES, chunk_size=options.chunk_size
            )

        return evaluate.map_examples(one, jax.random.key(1), x, batch_size=options.batch_size)

    weights = [jax.random.normal(jax.random.key(i), shape) * 0.01 for i, shape in enumerate(LAYERS)]
    rows = options.chunk_size * options.batch_size

    @jax.jit
    def products(z):
        def chunk(carry, _):
            out = carry @ weights[0] @ weights[1] @ weights[2]
            return carry + 1e-30 * out[0, 0], None

        return jax.lax.scan(chunk, z, None, length=IMAGES * SAMPLES // rows)[0]

    z = jax.random.normal(jax.random.key(0), (rows, 50))
    systems = {
        "matrix products alone": lambda: jax.block_until_ready(products(z)),
        "vaex, log_likelihood": lambda: jax.block_until_ready(bound(params, x)),
    }
    found = rates(systems, IMAGES * SAMPLES)
    table(f"L_{SAMPLES} of mnist_bernoulli's network", found, "matrix products alone", "samples/s")
    for name, values in found.items():
        print(f"  {name}: {10_000 * SAMPLES / np.median(values):.0f} s for 10,000 images")
