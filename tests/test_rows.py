"""Arrays [N, D]: rows are modelled in their own units, whatever these are, and what is missing has no influence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.one_step import QUICK, configured, one_step, start
from vaex import evaluate
from vaex.data import load
from vaex.errors import UsageError
from vaex.runs import commands, folder
from vaex.runs.load import read_columns

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)) * [1, 10, 0.1] + [0, 50, -2]
GAUSSIAN = ("--config.model.likelihood.name=gaussian_pixel", "--config.model.likelihood.sigma=1.0")


def stored(tmp_path, **arrays):
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays)
    return str(path)


def rows(name, *flags):
    likelihood = () if any("likelihood.name" in flag for flag in flags) else GAUSSIAN
    few = ("--config.data.num_validation=10", "--config.data.binarize=none", "--config.train.batch_size=20")
    return configured(f"--config.data.name={name}", *few, *likelihood, *flags)


def elbos(made, params, *examples):
    """Of several batches, by one program."""
    model = made.task.description.bind(params)
    one = lambda row: evaluate.elbo(jax.random.key(1), model, row).elbo
    score = jax.jit(jax.vmap(one), compiler_options=QUICK)
    return [np.asarray(score(x)) for x in examples]


def test_scores_are_in_the_units_of_the_data(tmp_path):
    """Of columns that are multiplied, log p(x) falls by log of the factors, in every row."""
    factors, shift = np.array([1000.0, 0.01, 3.0]), np.array([5e4, 1.0, -3.0])
    one = rows(stored(tmp_path, x_train=X))
    other = rows(stored(tmp_path, x_train=X * factors + shift))
    assert one.task.dataset.train.images.dtype == np.float32
    params = start(one).params
    found = [elbos(made, params, made.task.dataset.test.images)[0] for made in (one, other)]
    np.testing.assert_allclose(found[1] - found[0], -np.log(factors).sum(), atol=2e-3)


def test_p_of_a_row_is_the_normal_density_of_the_row(tmp_path):
    """By scipy, before training, when each z has the training mean and sigma the training standard deviation."""
    made = rows(stored(tmp_path, x_train=X))
    model, train = made.task.description.bind(start(made).params), made.task.dataset.train.images.astype(np.float64)
    model = model._replace(decode=jax.jit(model.decode, compiler_options=QUICK))
    p, x = model.decode(jnp.zeros(8)), made.task.dataset.test.images[0]
    expected = scipy.stats.norm(train.mean(axis=0), train.std(axis=0)).logpdf(x).sum()
    np.testing.assert_allclose(p.log_prob(x), expected, rtol=1e-5)
    np.testing.assert_allclose(p.mean, train.mean(axis=0), rtol=1e-5)


def test_a_value_that_is_missing_has_no_influence(tmp_path):
    gaps = RNG.random(X.shape) < 0.2
    gaps[:, 0] = False
    made = rows(stored(tmp_path, x_train=np.where(gaps, np.nan, X)))
    assert np.isnan(made.task.dataset.train.images).any()
    state, metrics = one_step(made)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.params, metrics)))
    few = jax.tree.map(lambda a: a[:8], made.task.stored)
    seen = made.task.examples.preprocess(jax.random.key(0), few)
    other = seen._replace(x=jnp.where(seen.mask, seen.x, 1e20))
    np.testing.assert_array_equal(*elbos(made, state.params, seen, other))
    assert 0 < np.asarray(seen.mask).sum() < seen.mask.size


@pytest.mark.parametrize(
    ("arrays", "flags", "said"),
    [
        (
            {"x_train": X},
            ("--config.model.likelihood.name=bernoulli",),
            r"'bernoulli' on a table, whose column 'x0' is",
        ),
        ({"x_train": np.abs(X).astype(int)}, (), r"'x0' is count: .*likelihood.name=table.*data.columns=real"),
        (
            {"x_train": X},
            ("--config.model.likelihood.name=continuous_bernoulli",),
            r"ContinuousBernoulli, which is over",
        ),
        ({"x_train": X}, ("--config.data.condition=half",), r"data.condition is 'half' with a table"),
        ({"x_train": X}, ("--config.data.image_size=8",), r"data.image_size is 8 with a table"),
        ({"x_train": X}, ("--config.data.columns=x9=real",), r"data.columns names 'x9': the table has x0, x1, x2"),
        ({"x_train": X}, ("--config.data.columns=x0=whole",), r"data.columns is 'x0=whole': expected NAME=TYPE"),
        ({"x_train": np.where(X > 51, np.inf, X)}, (), r"'x1' is real, and row \d+ of the train rows has inf"),
        ({"x_train": X * [1, 0, 1]}, ("--config.data.columns=real",), r"'x1' has one value, 0, .*x1=ignore"),
        ({"x_train": X * [1, np.nan, 1]}, (), r"'x1' has no value in any row: .*x1=ignore"),
        ({"x_train": np.where(np.arange(60)[:, None] == 7, np.nan, X)}, (), r"1 of the train rows .* row 7: remove"),
        ({"x_train": np.array([4e6, 0, 0]) + X}, (), r"'x0' lies at 4000000 .*subtract its mean"),
        ({"x_train": X, "x_test": X[:, :2]}, (), r"training rows have the columns x0, x1, x2, test rows others"),
    ],
)
def test_what_cannot_be_is_said_before_training(tmp_path, arrays, flags, said):
    with pytest.raises(UsageError, match=said) as error:
        rows(stored(tmp_path, **arrays), *flags)
    assert "\n" not in str(error.value)


def test_columns_are_not_of_images():
    for name in ("digits", "bouncing:digits"):
        with pytest.raises(UsageError, match=r"^data.columns is 'real': expected none with images, .*; leave it out$"):
            load(name, columns="real")


@pytest.mark.parametrize(
    "flags",
    [
        ("--config.model.name=hierarchy", "--config.model.latent_dims=4,2", "--config.model.between_hidden=((8,),)"),
        ("--config.model.name=ladder", "--config.model.latent_dims=4,2", "--config.model.between_hidden=((8,),)"),
        ("--config.model.name=autoencoder", "--config.objective.name=reconstruction"),
        ("--config.model.name=m2", "--config.objective.name=semi_supervised", "--config.data.num_labels=20"),
        ("--config.model.likelihood.name=student_t", "--config.data.condition=label"),
        ("--config.model.likelihood.name=gaussian_output", "--config.data.missing=0.3"),
    ],
    ids=lambda flags: flags[0].rpartition("=")[2],
)
def test_other_models_take_rows(tmp_path, flags):
    """Their loss is traced in setting up."""
    name = stored(tmp_path, x_train=X.astype(np.float32), y_train=np.arange(60) % 2)
    assert rows(name, *flags).task.num_dims == 3


def test_a_run_keeps_its_columns(tmp_path):
    made = rows(stored(tmp_path, x_train=X))
    (tmp_path / "run").mkdir()
    folder.write_json(tmp_path / "run" / folder.DATASET, commands.describe(made.task, "digits"))
    found = folder.read_dataset(tmp_path / "run")
    assert read_columns(found, tmp_path) == made.task.dataset.columns
