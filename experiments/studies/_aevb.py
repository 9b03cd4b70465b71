"""What the figures of auto-encoding variational Bayes train: its networks, its two algorithms and Monte Carlo EM.

One hidden layer of tanh units in each network, weights that start as N(0, 0.01), a variance, with a prior N(0, I),
Adagrad, minibatches of 100 and one draw for each example.

Source: Kingma and Welling 2013, section 5 and appendices C to E.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
from flax.linen import sigmoid, tanh
from jaxtyping import Array, PRNGKeyArray

from vaex import data, evaluate
from vaex.data.preprocess import binarize_dynamic, scale
from vaex.inference import Method, hmc, iterate, marginal_likelihood, monte_carlo_em
from vaex.model import Params
from vaex.models.likelihood_parts import Likelihood, bounded, from_function
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import diagonal_normal
from vaex.models.priors import standard_normal
from vaex.models.scales import MIN_SIGMA
from vaex.models.vae import VAE
from vaex.networks import MLP
from vaex.objectives import batch_loss, elbo, wake_sleep, weight_penalty
from vaex.train import Recipe, init_state, train_epoch

AEVB, WAKE_SLEEP, MCEM = "AEVB", "wake-sleep", "MCEM"
# Of Adagrad, chosen from 0.01, 0.02 and 0.1 by short trials on training images; MCEM's is AEVB's.
RATES = {("mnist", AEVB): 0.02, ("mnist", WAKE_SLEEP): 0.01, ("frey_face", AEVB): 0.01, ("frey_face", WAKE_SLEEP): 0.01}
STRETCH = 10_000  # samples seen between two scores, or a few more
_BATCH, _UPDATES, _SIGMA = 100, 5, 0.1


class Setup(NamedTuple):
    """A model and its data: what a curve is of."""

    data: str  # mnist or frey_face
    latent_dim: int
    hidden: int
    num_train: int | None = None  # the first of MNIST's, binarized once by a threshold; None: all, binarized anew

    @property
    def is_grey(self) -> bool:
        """Whether pixels are grey levels with a Gaussian likelihood."""
        return self.data == "frey_face"

    def vae(self) -> VAE:
        """The networks."""
        x_shape = (28, 20, 1) if self.is_grey else (28, 28, 1)
        p_x = _grey() if self.is_grey else bernoulli()
        encoder, decoder = (
            MLP((self.hidden,), (2 * self.latent_dim,), tanh),
            MLP((self.hidden,), p_x.raw_shape(x_shape), tanh),
        )
        return VAE(x_shape, encoder, decoder, standard_normal(self.latent_dim), diagonal_normal(), p_x)

    def images(self) -> tuple[Array, Array]:
        """Training and test images, uint8."""
        found = data.load(self.data, num_validation=0 if self.is_grey else 10_000)
        train, test = found.train.images[: self.num_train], found.test.images
        return jnp.asarray(self._stored(train)), jnp.asarray(self._stored(test))

    def preprocess(self, key: PRNGKeyArray, images: Array) -> Array:
        """What the likelihood is of."""
        if self.num_train:
            return images.astype(jnp.float32)
        return (scale if self.is_grey else binarize_dynamic)(key, images)

    def _stored(self, images: np.ndarray) -> np.ndarray:
        return (images > 127).astype(np.uint8) if self.num_train else images


def _grey() -> Likelihood:
    """N(sigmoid(raw_0), diag(sigma^2)), sigma of z, too."""
    normal = lambda raw: dist.Normal(sigmoid(raw[..., 0]), jnp.exp(bounded(raw[..., 1], MIN_SIGMA)))
    return from_function(normal, raw_shape=lambda x_shape: (*x_shape, 2))


class Trainer(NamedTuple):
    """An algorithm in stretches of equally many samples; its state has params and step."""

    start: Callable[[PRNGKeyArray, Array], Any]  # (key, images) -> state
    stretch: Callable[[PRNGKeyArray, Any, Array], Any]  # (key, state, images) -> state
    samples: int  # seen in a step: those that gradients of the weights are of


def trainer(setup: Setup, algorithm: str) -> Trainer:
    """The training by AEVB, wake-sleep or MCEM."""
    optimizer = optax.adagrad(
        RATES[setup.data, AEVB if algorithm == MCEM else algorithm], initial_accumulator_value=0.0
    )
    return (_by_chains if algorithm == MCEM else _by_epochs)(setup, algorithm, optimizer)


def _by_epochs(setup: Setup, algorithm: str, optimizer: optax.GradientTransformation) -> Trainer:
    vae, loss = setup.vae(), batch_loss({AEVB: elbo, WAKE_SLEEP: wake_sleep}[algorithm])

    def stretch(key: PRNGKeyArray, state: Any, images: Array) -> Any:
        """Epochs of few images, or one of the next part of many."""
        recipe = Recipe(vae.bind, loss, optimizer, setup.preprocess, penalty=_log_prior(images))
        size = min(len(images), STRETCH)
        part = state.step * _BATCH // STRETCH % (len(images) // size)
        seen = jax.lax.dynamic_slice_in_dim(images, part * size, size)
        epoch = lambda state, _: (train_epoch(state, key, seen, recipe=recipe, batch_size=_BATCH)[0], None)
        return jax.lax.scan(epoch, state, length=round(STRETCH / size))[0]

    return Trainer(lambda key, images: init_state(_start(vae, key), optimizer), stretch, _BATCH)


def _by_chains(setup: Setup, algorithm: str, optimizer: optax.GradientTransformation) -> Trainer:
    vae, samples = setup.vae(), _BATCH * _UPDATES

    def method(images: Array) -> Method:
        return monte_carlo_em(vae.bind, optimizer, batch_size=_BATCH, num_updates=_UPDATES, penalty=_log_prior(images))

    def stretch(key: PRNGKeyArray, state: Any, images: Array) -> Any:
        return iterate(jax.random.fold_in(key, state.step), method(images), state, num_steps=STRETCH // samples)[0]

    return Trainer(lambda key, images: method(images).init(key, _start(vae, key), images), stretch, samples)


def _start(vae: VAE, key: PRNGKeyArray) -> Params:
    leaves, tree = jax.tree.flatten(jax.eval_shape(vae.init, key))
    keys = jax.random.split(key, len(leaves))
    return tree.unflatten([_SIGMA * jax.random.normal(k, a.shape) for k, a in zip(keys, leaves, strict=True)])


def _log_prior(images: Array) -> Callable[[Params], Array]:
    return functools.partial(weight_penalty, sigma=1.0, num_train=len(images))


def elbos(setup: Setup, params: Params, key: PRNGKeyArray, images: Array) -> Array:
    """The ELBO of each image."""
    model = setup.vae().bind(params)
    data_key, key = jax.random.split(key)
    x = setup.preprocess(data_key, images)
    return jax.vmap(lambda k, one: evaluate.elbo(k, model, one).elbo)(jax.random.split(key, len(x)), x)


def log_likelihoods(setup: Setup, params: Params, key: PRNGKeyArray, images: Array) -> Array:
    """Log p(x) of each image by chains from the prior, appendix D's."""
    model, method = setup.vae().bind(params), hmc(num_leapfrog=4, num_warmup=60, target_acceptance=0.9, start="prior")
    estimate = functools.partial(marginal_likelihood, method=method, num_samples=25, num_chains=2)
    x = setup.preprocess(key, images)
    return jax.vmap(lambda k, one: estimate(k, model, one).log_likelihood)(jax.random.split(key, len(x)), x)
