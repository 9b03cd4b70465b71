"""What an objective costs: a training step of mnist_iwae's network, against another's or its matrix products."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from tests.bench.timing import rates, table
from vaex import objectives
from vaex.data.preprocess import binarize_dynamic
from vaex.model import Family
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.models.vae import VAE
from vaex.networks import MLP
from vaex.train import Recipe, init_state, train_epoch

PIXELS, HIDDEN, LATENT = 784, 200, 50
IMAGES = np.random.default_rng(0).integers(0, 256, (2560, 28, 28, 1), np.uint8)
ENCODER = ((PIXELS, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 2 * LATENT))
DECODER = ((LATENT, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, PIXELS))
K = 50
Shape = tuple[int, int]


def training(
    loss: objectives.BatchLoss, *, batch_size: int, posterior: Family | None = None, raw_dim: int = 2 * LATENT
) -> Callable[[], None]:
    """An epoch as `make train` runs it, of IMAGES; the posterior is diagonal unless one of raw_dim numbers is given."""
    shape = IMAGES.shape[1:]
    vae = VAE(
        x_shape=shape,
        encoder=MLP((HIDDEN, HIDDEN), (raw_dim,), nn.tanh),
        decoder=MLP((HIDDEN, HIDDEN), shape, nn.tanh),
        prior=standard_normal(LATENT),
        posterior=posterior or diagonal_normal(),
        likelihood=bernoulli(),
    )
    recipe = Recipe(vae.bind, loss, optax.adam(1e-3), binarize_dynamic)
    epoch = jax.jit(functools.partial(train_epoch, recipe=recipe, batch_size=batch_size), donate_argnums=0)
    images, held = jnp.asarray(IMAGES), [init_state(vae.init(jax.random.key(0)), recipe.optimizer)]

    def run() -> None:
        held[0], metrics, _ = epoch(held[0], jax.random.key(1), images)
        assert np.isfinite(float(metrics["loss"]))

    return run


def products(layers: Sequence[tuple[Shape, int]], *, batch_size: int) -> Callable[[], None]:
    """The matrix products of such an epoch: three a layer, but for the first layer's, whose input needs no gradient.

    Args:
        layers: the shape of each layer's matrix, and how many rows of input meet it in a step.
        batch_size: examples in a step.
    """
    weights = [jax.random.normal(jax.random.key(i), shape) * 0.01 for i, (shape, _) in enumerate(layers)]
    inputs = [jax.random.normal(jax.random.key(i), (rows, shape[0])) for i, (shape, rows) in enumerate(layers)]

    @jax.jit
    def epoch(inputs):
        def step(carry, _):
            used = []
            for i, (h, w) in enumerate(zip(carry, weights, strict=True)):
                out = h @ w
                used += [(h.T @ out)[0, 0]] + ([] if i == 0 else [(out @ w.T)[0, 0]])
            # What the products give enters the next step's inputs, so that none can be dropped or hoisted.
            return [h + 1e-30 * sum(used) for h in carry], None

        return jax.lax.scan(step, inputs, None, length=len(IMAGES) // batch_size)[0]

    return lambda: jax.block_until_ready(epoch(inputs))


def main() -> None:
    """Examples a second of each objective."""
    by_name = {
        name: objectives.batch_loss(objective, num_samples=K)
        for name, objective in {"iwae": objectives.iwae, "dreg": objectives.dreg}.items()
    }
    layers = [(shape, 20) for shape in ENCODER] + [(shape, 20 * K) for shape in DECODER]
    systems = {"matrix products alone": products(layers, batch_size=20)}
    systems |= {name: training(loss, batch_size=20) for name, loss in by_name.items()}
    title = f"{PIXELS}-200-200-{LATENT} and its mirror"
    found = rates(systems, len(IMAGES))
    table(f"{title}, K={K}, batch 20", found, "matrix products alone", "examples/s")
    table(f"{title}, K={K}, batch 20", {k: found[k] for k in by_name}, "iwae", "examples/s")
    correlation = objectives.batch_loss(objectives.total_correlation, whole_batch=True, num_train=60_000)
    systems = {
        "elbo": training(objectives.batch_loss(objectives.elbo), batch_size=128),
        "stl": training(objectives.batch_loss(objectives.stl), batch_size=128),
        "total_correlation": training(correlation, batch_size=128),
    }
    table(f"{title}, batch 128", rates(systems, len(IMAGES)), "elbo", "examples/s")
