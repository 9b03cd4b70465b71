"""A convolutional training step against its own convolutions and products alone; how long a deep model compiles."""

import functools
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from tests.bench.timing import rates, table
from vaex import objectives
from vaex.config.setup import setup
from vaex.data.preprocess import binarize_dynamic
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.models.vae import VAE
from vaex.networks import ConvDecoder, ConvEncoder
from vaex.networks.convolution import convolve
from vaex.runs.experiments import load_experiment
from vaex.train import Recipe, init_state, train_epoch

BATCH, STEPS, LATENT, HIDDEN, CHANNELS = 100, 20, 50, 200, (16, 32)
IMAGES = np.random.default_rng(0).integers(0, 256, (BATCH * STEPS, 28, 28, 1), np.uint8)
DIMS = ("NHWC", "HWIO", "NHWC")


def _theirs(x: jax.Array, kernel: jax.Array, padding: int) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), [(padding, padding)] * 2, dimension_numbers=DIMS)


def _ours(x: jax.Array, kernel: jax.Array, padding: int) -> jax.Array:
    return jax.vmap(lambda one: convolve(one, kernel, padding))(x)


# Of each layer the shapes of its input and weights, and the padding; a strided convolution is 2x2 on a folded image.
LAYERS: tuple[tuple[tuple[int, ...], tuple[int, ...], int | None], ...] = (
    ((15, 15, 4), (2, 2, 4, 16), 0),
    ((8, 8, 64), (2, 2, 64, 32), 0),
    ((1568,), (1568, HIDDEN), None),
    ((HIDDEN,), (HIDDEN, 2 * LATENT), None),
    ((LATENT,), (LATENT, HIDDEN), None),
    ((HIDDEN,), (HIDDEN, 1568), None),
    ((7, 7, 32), (3, 3, 32, 64), 1),
    ((14, 14, 16), (3, 3, 16, 4), 1),
)


def products(convolution: Callable) -> Callable[[], None]:
    """The convolutions and matrix products of each step, forward and backward, and nothing else.

    The first layer's gradient with respect to the image is left out, as training needs none.
    """
    inputs = [jax.random.normal(jax.random.key(i), (BATCH, *shape)) for i, (shape, _, _) in enumerate(LAYERS)]
    weights = [0.01 * jax.random.normal(jax.random.key(i), shape) for i, (_, shape, _) in enumerate(LAYERS)]
    layers = [jnp.matmul if pad is None else functools.partial(convolution, padding=pad) for _, _, pad in LAYERS]

    @jax.jit
    def epoch(start: jax.Array) -> jax.Array:
        def step(carry: jax.Array, _: None) -> tuple[jax.Array, None]:
            used = 0.0
            for i, (layer, x, w) in enumerate(zip(layers, inputs, weights, strict=True)):
                # The carry enters each product, so that none can be dropped or hoisted out of the loop.
                out, pull = jax.vjp(layer, x + carry, w)
                dx, dw = pull(out)
                used += dw.sum() + (dx.sum() if i else 0.0)
            return carry + 1e-30 * used, None

        return lax.scan(step, start, None, length=STEPS)[0]

    return lambda: jax.block_until_ready(epoch(jnp.zeros(())))


def vaex_training() -> Callable[[], None]:
    """Steps of an epoch binarization and metrics included."""
    shape = IMAGES.shape[1:]
    vae = VAE(
        x_shape=shape,
        encoder=ConvEncoder(CHANNELS, (0, 0), (HIDDEN,), (2 * LATENT,)),
        decoder=ConvDecoder(CHANNELS, (0, 0), (HIDDEN,), shape),
        prior=standard_normal(LATENT),
        posterior=diagonal_normal(),
        likelihood=bernoulli(),
    )
    optimizer = optax.apply_if_finite(optax.chain(optax.clip_by_global_norm(100.0), optax.adam(1e-3)), 10)
    loss = objectives.batch_loss(objectives.elbo)
    recipe = Recipe(vae.bind, loss, optimizer, binarize_dynamic, max_skipped=10)
    epoch = jax.jit(functools.partial(train_epoch, recipe=recipe, batch_size=BATCH), donate_argnums=0)
    images, held = jnp.asarray(IMAGES), [init_state(vae.init(jax.random.key(0)), optimizer)]

    def run() -> None:
        held[0], metrics, _ = epoch(held[0], jax.random.key(1), images)
        assert np.isfinite(float(metrics["loss"]))

    return run


def compile_seconds(name: str) -> float:
    """How long an experiment's epoch takes to compile, without a cache."""
    made = setup(load_experiment(name))
    task, batch_size = made.task, made.task.experiment.train.batch_size
    epoch = jax.jit(functools.partial(train_epoch, recipe=made.recipe, batch_size=batch_size))
    lowered = epoch.lower(jax.eval_shape(made.init), task.key, jax.tree.map(jnp.asarray, task.stored))
    jax.config.update("jax_enable_compilation_cache", False)
    start = time.perf_counter()
    lowered.compile()
    jax.config.update("jax_enable_compilation_cache", True)
    return time.perf_counter() - start


def main() -> None:
    """Examples a second of both, and the compile time of mnist_deep."""
    systems = {
        "convolutions and products alone": products(_ours),
        "the same with JAX's gradients": products(_theirs),
        "vaex": vaex_training(),
    }
    found = rates(systems, STEPS * BATCH)
    title = f"training a convolutional network, batch {BATCH}, {jax.devices()[0].device_kind}"
    table(title, found, "convolutions and products alone", "examples/s")
    print(f"mnist_deep's epoch compiles in {compile_seconds('mnist_deep'):.1f} s")
