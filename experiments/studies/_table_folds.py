"""A VAE of a table's rows in each fold of a cross-validation, by one program for all of them."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vaex import evaluate, objectives
from vaex.data.tabular.standard import standardized
from vaex.distributions.masked import Masked
from vaex.inference import imputation
from vaex.models import Source
from vaex.models.columns import Columns, num_features
from vaex.models.missing import of_masked
from vaex.models.rows import of_rows
from vaex.models.table import table
from vaex.models.vae import vae
from vaex.networks.pairs import mlp
from vaex.train import Recipe, init_state, train_step

from ._table_baselines import simple_imputations

_ROUNDS, _STEPS, _BATCH = 8, 250, 64  # after each round of steps inner validation rows are scored
_FEW, _MANY = 50, 500  # importance samples for validation rows and for test rows
_INNER = 0.1  # of the training rows, for validation


class Setting(NamedTuple):
    """What inner validation rows choose among."""

    latent_dim: int
    hidden: tuple[int, ...]
    real: str = "gaussian"
    counts: str = "negative_binomial"
    learning_rate: float = 5e-3


class Split(NamedTuple):
    """The rows of a fold, padded to the sizes of the largest, and what they are standardized by."""

    train: Any  # [N, D]
    num_train: Any  # of which are not padding
    inner: Any
    test: Any
    stats: Any  # [3, D]: center, scale, most


def cross_validated(rows: np.ndarray, columns: Columns, folds: np.ndarray, settings: tuple[Setting, ...]) -> np.ndarray:
    """L_500 of each row by the model of the other folds, whose setting and number of steps inner rows have chosen.

    Args:
        rows: [N, D].
        columns: D of them.
        folds: of each row, [N].
        settings: to choose among.

    Returns:
        Nats, [N].
    """
    programs = [jax.jit(_program(columns, setting, is_masked=False)) for setting in settings]
    found = np.empty(len(rows))
    for fold in range(folds.max() + 1):
        split = _split(rows, columns, folds, fold)
        tried = [jax.device_get(program(jax.random.key(fold), split)) for program in programs]
        _, scores = max(tried, key=lambda one: float(one[0]))
        found[folds == fold] = scores[: (folds == fold).sum()]
    return found


def imputed(
    rows: np.ndarray, columns: Columns, folds: np.ndarray, setting: Setting, fraction: float
) -> dict[str, float]:
    """RMSE of the values of fold 0 that are hidden, as they are from all rows, in standard deviations, each way."""
    shown = np.random.default_rng(1).random(rows.shape) >= fraction
    seen = np.where(shown, rows, np.nan)
    split = _split(seen, columns, folds, 0)
    is_test = folds == 0
    guess = jax.jit(_program(columns, setting, is_masked=True))(jax.random.key(0), split)[1][: is_test.sum()]
    center, scale = split.stats[:2]
    ways = {"the VAE": np.asarray(guess)}
    standard = (seen - center) / scale
    for how, values in simple_imputations(standard[~is_test], standard[is_test]).items():
        ways[how] = values * scale + center
    hidden = ~shown[is_test]
    error = lambda guess: float(np.sqrt(np.mean(((guess - rows[is_test]) / scale)[hidden] ** 2)))
    return {how: error(guess) for how, guess in ways.items()}


def _split(rows: np.ndarray, columns: Columns, folds: np.ndarray, fold: int) -> Split:
    rest = np.random.default_rng(fold).permutation(np.flatnonzero(folds != fold))
    num_inner = round(_INNER * len(rows) * 0.9)
    inner, train, test = rest[:num_inner], rest[num_inner:], np.flatnonzero(folds == fold)
    fresh = tuple(c._replace(center=0.0, scale=1.0) for c in columns)
    known = standardized(fresh, rows[train], f"fold {fold}")
    stats = np.array([(c.center, c.scale, c.most) for c in known], np.float32).T
    most = np.bincount(folds).max()
    return Split(_padded(rows[train], len(rows)), len(train), rows[inner], _padded(rows[test], most), stats)


def _padded(rows: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([rows, np.repeat(rows[:1], size - len(rows), axis=0)])


def _program(columns: Columns, setting: Setting, *, is_masked: bool) -> Callable[[Any, Split], Any]:
    """(key, split) -> the best bound of the inner rows, and there L_500 of each test row, or these imputed."""
    parts = functools.partial(table, real=setting.real, count=setting.counts)
    network = functools.partial(mlp, encoder_hidden=setting.hidden, decoder_hidden=setting.hidden, activation="tanh")

    def run(key: Any, split: Split) -> Any:
        init_key, steps_key, score_key = jax.random.split(key, 3)
        stats = zip(columns, *split.stats, strict=True)
        known = tuple(c._replace(center=m, scale=s, most=most) for c, m, s, most in stats)
        source = Source((num_features(known),), columns=known, is_masked=is_masked)
        whole = of_rows(vae(source, latent_dim=setting.latent_dim, network=network, likelihood=parts), source)
        description = of_masked(whole, source) if is_masked else whole
        see = lambda rows: Masked(jnp.nan_to_num(rows), ~jnp.isnan(rows)) if is_masked else rows
        optimizer = optax.adam(optax.cosine_decay_schedule(setting.learning_rate, _ROUNDS * _STEPS))
        loss = objectives.batch_loss(functools.partial(objectives.iwae, num_samples=5))
        recipe = Recipe(description.bind, loss, optimizer, preprocess=lambda key, rows: see(rows))

        def bound(params: Any, rows: Any, num_samples: int) -> Any:
            one = lambda k, row: evaluate.log_likelihood(k, description.bind(params), row, num_samples=num_samples)
            return evaluate.map_examples(one, score_key, see(rows), batch_size=20)

        def step(state: Any, i: Any) -> tuple[Any, None]:
            now, batch_key = jax.random.split(jax.random.fold_in(steps_key, i))
            chosen = jax.random.randint(batch_key, (_BATCH,), 0, split.num_train)
            return train_step(state, now, split.train[chosen], recipe=recipe)[0], None

        def round_(carry: Any, first: Any) -> tuple[Any, None]:
            state, params, best = carry
            state, _ = jax.lax.scan(step, state, first + jnp.arange(_STEPS))
            score = jnp.mean(bound(state.params, split.inner, _FEW))
            is_best = score > best
            params = jax.tree.map(lambda new, old: jnp.where(is_best, new, old), state.params, params)
            return (state, params, jnp.maximum(score, best)), None

        state = init_state(description.init(init_key), optimizer)
        start = (state, state.params, jnp.array(-jnp.inf))
        (_, params, best), _ = jax.lax.scan(round_, start, _STEPS * jnp.arange(_ROUNDS))
        if not is_masked:
            return best, bound(params, split.test, _MANY)
        single = lambda k, row: imputation.single(k, description.bind(params), row, num_samples=_MANY)
        return best, evaluate.map_examples(single, score_key, see(split.test), batch_size=20)

    return run
