"""A small VAE of binarized images, as studies train it."""

import functools

import jax
import jax.numpy as jnp
import optax

from vaex import data, objectives
from vaex.model import Model
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.models.vae import VAE
from vaex.networks import MLP
from vaex.train import Recipe, TrainState, init_state, train_epoch

TRAIN_KEY, KEY = jax.random.split(jax.random.key(0))  # of a network's start and its epochs, of what it is asked


def binarize(key: jax.Array, images: jax.Array) -> jax.Array:
    """Pixels drawn with their grey level as the probability of 1."""
    return jax.random.bernoulli(key, images / 255).astype(jnp.float32)


def flat(images: jax.typing.ArrayLike, num: int | None = None) -> jax.Array:
    """The first images, or all, as vectors."""
    some = jnp.asarray(images)[:num]
    return some.reshape(len(some), -1)


def small_vae(pixels: int, *, latent_dim: int, hidden: int) -> VAE:
    """One hidden layer and its mirror, a standard normal prior, and pixels of zeros and ones."""
    return VAE((pixels,), MLP((hidden,), (2 * latent_dim,)), MLP((hidden,), (pixels,)), standard_normal(latent_dim),
               diagonal_normal(), bernoulli())  # fmt: skip


def trained_vae(
    images: jax.Array, *, latent_dim: int, hidden: int, learning_rate: float, batch_size: int, num_epochs: int
) -> Model:
    """A VAE with one hidden layer and its mirror, trained by stl on grey levels up to 255, [N, D]."""
    vae = small_vae(images.shape[1], latent_dim=latent_dim, hidden=hidden)
    recipe = Recipe(vae.bind, objectives.batch_loss(objectives.stl), optax.adam(learning_rate), binarize)
    epoch = functools.partial(train_epoch, recipe=recipe, batch_size=batch_size)

    @jax.jit
    def run(init_key: jax.Array, key: jax.Array) -> TrainState:
        state = init_state(vae.init(init_key), recipe.optimizer)
        return jax.lax.scan(lambda s, _: (epoch(s, key, images)[0], None), state, length=num_epochs)[0]

    return vae.bind(run(*jax.random.split(TRAIN_KEY)).params)


def of_digits(*, latent_dim: int, num_epochs: int) -> tuple[Model, jax.Array]:
    """One of scikit-learn's digits, 64 hidden units wide, and all test images as vectors of grey levels."""
    digits = data.load("digits")
    sizes = {"latent_dim": latent_dim, "hidden": 64}
    model = trained_vae(flat(digits.train.images), **sizes, learning_rate=3e-3, batch_size=50, num_epochs=num_epochs)
    return model, flat(digits.test.images)
