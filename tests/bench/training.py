"""The training path against its matrix products alone, NumPyro's SVI and PyTorch."""

import functools
import importlib.util
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
from numpyro.infer import SVI, TraceMeanField_ELBO

from tests.bench.timing import rates, table
from vaex import objectives
from vaex.data.preprocess import binarize_dynamic
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.models.vae import VAE
from vaex.networks import MLP
from vaex.train import Recipe, TrainState, init_state, train_epoch

BATCH, HIDDEN, LATENT, PIXELS = 128, 500, 20, 784
IMAGES = np.random.default_rng(0).integers(0, 256, (15_000, 28, 28, 1), np.uint8)
STEPS = len(IMAGES) // BATCH
LAYERS = ((PIXELS, HIDDEN), (HIDDEN, 2 * LATENT), (LATENT, HIDDEN), (HIDDEN, PIXELS))


def products(*, input_gradient: bool) -> Callable[[], None]:
    """The matrix products of a step, forward and backward, and nothing else.

    With the gradient with respect to the pixels there are three products a layer, 6 x 814,000 FLOP an example, which is
    the usual count; training needs no such gradient.
    """
    weights = [jax.random.normal(jax.random.key(i), shape) * 0.01 for i, shape in enumerate(LAYERS)]

    @jax.jit
    def epoch(x):
        def step(carry, _):
            # What a product gives enters the next step's input, so that none can be dropped or hoisted.
            h1 = carry @ weights[0]
            z = h1 @ weights[1]
            h2 = z[:, :LATENT] @ weights[2]
            out = h2 @ weights[3]
            g3, d2 = h2.T @ out, out @ weights[3].T
            g2, dz = z[:, :LATENT].T @ d2, d2 @ weights[2].T
            dz = jnp.concatenate([dz, dz], axis=1)
            g1, d1 = h1.T @ dz, dz @ weights[1].T
            g0 = carry.T @ d1
            used = [g0, g1, g2, g3] + ([d1 @ weights[0].T] if input_gradient else [])
            return carry + 1e-30 * sum(g[0, 0] for g in used), None

        return jax.lax.scan(step, x, None, length=STEPS)[0]

    x = jnp.asarray(IMAGES[:BATCH].reshape(BATCH, PIXELS), jnp.float32) / 255
    return lambda: jax.block_until_ready(epoch(x))


def recipe() -> tuple[Recipe, Callable[[], TrainState]]:
    """The training of that network, and the state that it starts from."""
    shape = IMAGES.shape[1:]
    vae = VAE(
        x_shape=shape,
        encoder=MLP((HIDDEN,), (2 * LATENT,)),
        decoder=MLP((HIDDEN,), shape),
        prior=standard_normal(LATENT),
        posterior=diagonal_normal(),
        likelihood=bernoulli(),
    )
    optimizer = optax.adam(1e-3)
    made = Recipe(vae.bind, objectives.batch_loss(objectives.elbo), optimizer, binarize_dynamic)
    return made, lambda: init_state(vae.init(jax.random.key(0)), optimizer)


def vaex_training(images: np.ndarray = IMAGES) -> Callable[[], None]:
    """An epoch as `make train` runs it, binarization and metrics included."""
    made, start = recipe()
    epoch = jax.jit(functools.partial(train_epoch, recipe=made, batch_size=BATCH), donate_argnums=0)
    stored, held = jnp.asarray(images), [start()]

    def run() -> None:
        held[0], metrics, _ = epoch(held[0], jax.random.key(1), stored)
        assert np.isfinite(float(metrics["loss"]))

    return run


def numpyro_svi() -> Callable[[], None]:
    """NumPyro's SVI, an epoch in one fori_loop, dynamic binarization inside."""

    def dense(name: str, h: jax.Array, shape: tuple[int, int]) -> jax.Array:
        w = numpyro.param(f"{name}_w", lambda key: jax.nn.initializers.glorot_uniform()(key, shape))
        return h @ w + numpyro.param(f"{name}_b", jnp.zeros(shape[1]))

    def model(x: jax.Array) -> None:
        with numpyro.plate("batch", BATCH):
            z = numpyro.sample("z", dist.Normal(jnp.zeros(LATENT), 1.0).to_event(1))
            logits = dense("d1", jax.nn.relu(dense("d0", z, LAYERS[2])), LAYERS[3])
            numpyro.sample("x", dist.BernoulliLogits(logits).to_event(1), obs=x)

    def guide(x: jax.Array) -> None:
        raw = dense("e1", jax.nn.relu(dense("e0", x, LAYERS[0])), LAYERS[1])
        mean, log_var = jnp.split(raw, 2, axis=-1)
        with numpyro.plate("batch", BATCH):
            numpyro.sample("z", dist.Normal(mean, jnp.exp(0.5 * log_var)).to_event(1))

    svi = SVI(model, guide, numpyro.optim.Adam(1e-3), TraceMeanField_ELBO())
    images = jnp.asarray(IMAGES.reshape(-1, PIXELS))

    @jax.jit
    def epoch(state, key):
        order = jax.random.permutation(key, len(images))

        def step(i, carry):
            state, total = carry
            batch = images[jax.lax.dynamic_slice_in_dim(order, i * BATCH, BATCH)]
            x = jax.random.bernoulli(jax.random.fold_in(key, i), batch / 255.0).astype(jnp.float32)
            state, loss = svi.update(state, x)
            return state, total + loss

        return jax.lax.fori_loop(0, STEPS, step, (state, 0.0))

    held = [svi.init(jax.random.key(0), jnp.zeros((BATCH, PIXELS)))]

    def run() -> None:
        held[0], loss = epoch(held[0], jax.random.key(1))
        assert np.isfinite(float(loss))

    return run


def torch_loss(encoder: Callable, decoder: Callable) -> Callable:
    """PyTorch's loss of a batch of stored images: the negative ELBO per example, dynamic binarization inside."""
    import torch
    from torch.nn import functional as F

    def loss(grey: torch.Tensor) -> torch.Tensor:
        grey = grey.float() / 255
        x = (torch.rand_like(grey) < grey).float()
        mean, log_var = encoder(x).chunk(2, dim=-1)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        nll = F.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
        return (nll + 0.5 * torch.sum(log_var.exp() - 1 - log_var + mean**2)) / len(grey)

    return loss


def torch_training() -> Callable[[], None]:
    """PyTorch with torch.compile and fused Adam, data in memory."""
    import torch
    from torch import nn

    encoder = nn.Sequential(nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENT))
    decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, PIXELS))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3, fused=True)
    images = torch.from_numpy(IMAGES.reshape(-1, PIXELS).copy())

    loss_of = torch.compile(torch_loss(encoder, decoder))

    def run() -> None:
        total = 0.0
        for indices in torch.randperm(len(images)).split(BATCH)[:STEPS]:
            loss = loss_of(images[indices])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.item()
        assert np.isfinite(total)

    return run


def main() -> None:
    """Examples a second of each system."""
    systems = {
        "matrix products alone": products(input_gradient=True),
        "those that training needs": products(input_gradient=False),
        "vaex": vaex_training(),
        "NumPyro SVI": numpyro_svi(),
    }
    if importlib.util.find_spec("torch"):
        systems["PyTorch, compiled, fused Adam"] = torch_training()
    else:
        print("PyTorch is not installed, so it is left out: .venv/bin/python -m pip install torch")
    found = rates(systems, STEPS * BATCH)
    title = f"training {PIXELS}-{HIDDEN}-{LATENT}-{HIDDEN}-{PIXELS}, batch {BATCH}, {jax.devices()[0].device_kind}"
    table(title, found, "matrix products alone", "examples/s")
