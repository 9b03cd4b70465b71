"""What fits and answers of one size share: a model of standardized rows, compiled."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax
from jaxtyping import Array, PRNGKeyArray

from vaex.distributions.abilities import estimate_mean, mean
from vaex.distributions.masked import Masked
from vaex.evaluate import compiled, log_likelihood
from vaex.model import Latent, Params
from vaex.models.columns import Column
from vaex.models.description import Description, Source
from vaex.models.likelihoods import gaussian_pixel
from vaex.models.missing import of_masked
from vaex.models.rows import of_rows
from vaex.models.vae import vae
from vaex.networks.pairs import mlp
from vaex.objectives import batch_loss, elbo
from vaex.train import Recipe, TrainState, init_state, train_epoch

_MEAN_DRAWS = 100


class Programs(NamedTuple):
    """Functions that are compiled once for a size."""

    init: Callable[[PRNGKeyArray, float], TrainState]  # (key, learning rate)
    epochs: Callable[..., tuple[TrainState, Array]]  # (state, key, rows, *, batch_size, num_epochs); bounds
    encode: Callable
    decode: Callable
    draw: Callable
    score: Callable


@functools.cache
def build_programs(num_columns: int, latent_dim: int, hidden: tuple[int, ...], num_samples: int) -> Programs:
    """The compiled functions of a size."""
    description = describe(num_columns, latent_dim, hidden)
    optimizer = optax.inject_hyperparams(optax.adam)(learning_rate=0.0)
    recipe = Recipe(description.bind, batch_loss(elbo), optimizer, preprocess=lambda key, batch: batch)

    def init(key: PRNGKeyArray, learning_rate: Array) -> TrainState:
        state = init_state(description.init(key), optimizer)
        opt_state: Any = state.opt_state
        return state._replace(opt_state=opt_state._replace(hyperparams={"learning_rate": learning_rate}))

    def epochs(
        state: TrainState, key: PRNGKeyArray, rows: Masked, *, batch_size: int, num_epochs: int
    ) -> tuple[TrainState, Array]:
        def epoch(state: TrainState, _: object) -> tuple[TrainState, Array]:
            state, metrics, _ = train_epoch(state, key, rows, recipe=recipe, batch_size=batch_size)
            return state, metrics["elbo"]

        return jax.lax.scan(epoch, state, length=num_epochs)

    def encode(key: PRNGKeyArray, row: Masked, params: Params) -> Latent | None:
        return mean(description.bind(params).encode(row))

    def decode(key: PRNGKeyArray, z: Array, params: Params) -> Array:
        return estimate_mean(key, description.bind(params).decode(z), _MEAN_DRAWS)

    def draw(key: PRNGKeyArray, i: Array, params: Params) -> Array:
        model, (prior_key, key) = description.bind(params), jax.random.split(key)
        return model.decode(model.prior.sample(prior_key)).sample(key)

    def score(key: PRNGKeyArray, row: Masked, params: Params) -> Array:
        same = jax.random.key(0)  # for every row, so that a row's score does not depend on where it stands
        model = description.bind(params)
        return log_likelihood(same, model, row, num_samples=num_samples, chunk_size=num_samples)

    return Programs(
        jax.jit(init),
        jax.jit(epochs, static_argnames=("batch_size", "num_epochs")),
        *map(compiled, (encode, decode, draw, score)),
    )


def describe(num_columns: int, latent_dim: int, hidden: tuple[int, ...]) -> Description:
    """The model of standardized rows, of which values may be missing."""
    columns = tuple(Column(f"x{j}", "real") for j in range(num_columns))
    source = Source((num_columns,), is_masked=True, columns=columns)
    description = vae(
        source,
        latent_dim=latent_dim,
        network=functools.partial(mlp, encoder_hidden=hidden, decoder_hidden=hidden[::-1]),
        likelihood=functools.partial(gaussian_pixel, sigma=1.0),
    )
    return of_masked(of_rows(description, source), source)
