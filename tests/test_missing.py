"""Missing data: only what is observed counts, and imputation against exact conditional moments."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from tests.models import SIGMA, W, drawn, linear_gaussian, normal, small_vae
from tests.one_step import first_step
from tests.refusal import refusal
from vaex import Model, evaluate, objectives
from vaex.__main__ import main
from vaex.config import LIKELIHOODS, MODELS, PRIORS, default_config, section
from vaex.config.setup import setup
from vaex.data import Dataset, Split
from vaex.data.examples import Making, images
from vaex.distributions import IndependentBernoulli
from vaex.distributions.masked import Masked, ObservedPart
from vaex.errors import UsageError
from vaex.evaluate import imputation as rows_imputed
from vaex.evaluate import imputation as scored
from vaex.evaluate.imputation import simple_imputations
from vaex.evaluate.trial import Trial
from vaex.inference import imputation, missing
from vaex.models import KINDS, exact, likelihoods
from vaex.models.columns import Column
from vaex.models.missing import partially_observed
from vaex.objectives import OBJECTIVES, OF_BATCHES
from vaex.runs.experiments import load_experiment

KEY = jax.random.key(0)
X, MASK = jax.random.normal(jax.random.key(3), (5,)), np.array([True, False, True, True, False])
SEEN, UNSEEN = np.flatnonzero(MASK), np.flatnonzero(~MASK)
GENERATOR = exact.LinearGaussian(W, jnp.asarray(np.linspace(-1, 1, 5), jnp.float32), jnp.array([SIGMA**2]))
OF_A_BATCH = [name for name, objective in OBJECTIVES.items() if objective in OF_BATCHES]
OF_OTHER_LATENTS = ("reinforce", "vimco", "gumbel", "enumerate")
OF_OTHER_KINDS = [name for kind in KINDS.values() for name in kind.objectives]
CONTINUOUS = [name for name in OBJECTIVES if name not in (*OF_OTHER_LATENTS, *OF_OTHER_KINDS, *OF_A_BATCH)]


def observed_model(shift=0.0, stretch=1.0):
    """The linear-Gaussian model of Masked x, with q(z|x_o) the exact posterior, shifted and stretched."""
    part = exact.LinearGaussian(W[SEEN], GENERATOR.mean[SEEN], GENERATOR.noise_var)

    def encode(example):
        q = part.posterior(example.x[SEEN])
        return dist.MultivariateNormal(q.mean + shift, stretch * q.covariance_matrix)

    whole = linear_gaussian()._replace(decode=GENERATOR.decode)
    return partially_observed(whole)._replace(encode=encode)


def conditional_moments():
    """Mean and covariance of N(mean, W W^T + sigma^2 I) at UNSEEN given X at SEEN, by the block formula."""
    cov, mean = np.asarray(GENERATOR.covariance(), np.float64), np.asarray(GENERATOR.mean, np.float64)
    gain = cov[np.ix_(UNSEEN, SEEN)] @ np.linalg.inv(cov[np.ix_(SEEN, SEEN)])
    given = mean[UNSEEN] + gain @ (np.asarray(X)[SEEN] - mean[SEEN])
    return given, cov[np.ix_(UNSEEN, UNSEEN)] - gain @ cov[np.ix_(SEEN, UNSEEN)]


@pytest.fixture(scope="module")
def values_and_gradients():
    """Of every objective by its name, all in one program: where 0, 1e30 and nan are missing, and of another x."""
    vae = small_vae(x_dim=5)
    params = drawn(vae.init)
    functions = {name: lambda *a, f=OBJECTIVES[name]: f(*a).objective for name in CONTINUOUS}
    functions["log_likelihood"] = evaluate.log_likelihood

    @jax.jit
    def compute(params, x):
        value = lambda params, f: f(KEY, partially_observed(vae.bind(params)), Masked(x, MASK))
        return {name: jax.value_and_grad(value)(params, f) for name, f in functions.items()}

    given = [np.where(MASK, X > 0, other) for other in (0.0, 1e30, np.nan)] + [np.where(MASK, X <= 0, 0.0)]
    return [jax.tree.map(np.asarray, compute(params, x.astype(np.float32))) for x in given]


@pytest.mark.parametrize("name", ["log_likelihood", *CONTINUOUS])
def test_values_that_are_missing_change_no_value_and_no_gradient(name, values_and_gradients):
    """Even nan, and even with a network that would see them."""
    *found, seen = (each[name] for each in values_and_gradients)
    for other in found[1:]:
        jax.tree.map(np.testing.assert_array_equal, other, found[0])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found[0]))
    assert seen[0] != found[0][0]


def test_objectives_of_whole_batches_take_masked_examples():
    vae = small_vae(x_dim=5)
    model = partially_observed(vae.bind(drawn(vae.init)))
    options = {"total_correlation": {"num_train": 100}}
    masks = np.stack([MASK, ~MASK, MASK])

    @jax.jit
    def compute(x):
        return {name: OBJECTIVES[name](KEY, model, Masked(x, masks), **options.get(name, {})) for name in OF_A_BATCH}

    terms = [compute(np.where(masks, 1.0, other).astype(np.float32)) for other in (0.0, np.nan)]
    assert [terms[0][name].objective.shape for name in OF_A_BATCH] == [(3,)] * len(OF_A_BATCH)
    jax.tree.map(np.testing.assert_array_equal, *terms)


LIKELIHOODS_OF_RAW = {
    "bernoulli": (likelihoods.bernoulli(), (5,)),
    "gaussian_fixed": (likelihoods.gaussian_fixed(sigma=0.3), (5,)),
    "continuous_bernoulli": (likelihoods.continuous_bernoulli(), (5,)),
    "categorical": (likelihoods.categorical(), (5, 256)),
    "logistic_mixture": (likelihoods.logistic_mixture(num_components=2), (5, 3, 2)),
}


@pytest.fixture(scope="module")
def of_raw():
    """Of each likelihood by its name log p of what is observed, its gradient, and log p of these elements alone."""
    rng = np.random.default_rng(0)

    def each(family, raw, x):
        model = linear_gaussian()._replace(decode=lambda raw: family.apply({}, raw))
        log_prob = lambda raw: partially_observed(model).decode(raw).log_prob(Masked(jnp.where(MASK, x, jnp.nan), MASK))
        return *jax.value_and_grad(log_prob)(raw), family.apply({}, raw[SEEN]).log_prob(x[SEEN])

    raws = {name: rng.normal(size=shape).astype(np.float32) for name, (_, shape) in LIKELIHOODS_OF_RAW.items()}
    compute = jax.jit(lambda raws, x: {name: each(LIKELIHOODS_OF_RAW[name][0], raw, x) for name, raw in raws.items()})
    return compute(raws, np.array([1, 0, 0, 1, 0], np.float32))


@pytest.mark.parametrize("name", LIKELIHOODS_OF_RAW)
def test_every_likelihood_is_that_of_the_observed_elements_alone(name, of_raw):
    found, gradient, expected = map(np.asarray, of_raw[name])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_array_equal(gradient[UNSEEN], 0)
    assert np.abs(gradient[SEEN]).max() > 0


def test_classes_that_are_missing_leave_the_others_whole_numbers():
    logits = np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25], [0.3, 0.3, 0.4]], np.float32))
    example = Masked(jnp.array([2, 99, 0]), jnp.array([True, False, True]))

    def log_prob(example):
        whole = linear_gaussian()._replace(decode=lambda z: dist.CategoricalLogits(logits).to_event(1))
        return partially_observed(whole).decode(jnp.zeros(2)).log_prob(example)

    np.testing.assert_allclose(jax.jit(log_prob)(example), np.log(0.7 * 0.3), rtol=1e-6)
    assert jax.eval_shape(lambda x: example._replace(x=x).filled(), np.zeros(3, bool)).dtype == bool


def test_a_full_mask_is_the_model_itself():
    @jax.jit
    def both(x):
        model, everything = linear_gaussian(shift=0.2), jnp.ones(5, bool)
        return objectives.iwae(KEY, partially_observed(model), Masked(x, everything)), objectives.iwae(KEY, model, x)

    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6), *both(X))


def test_grey_pixels_have_the_cross_entropy_of_those_observed():
    """As without a mask, where a Bernoulli likelihood is no likelihood but a loss."""
    logits, grey = jnp.array([0.3, -1.0, 2.0]), np.array([0.2, 0.5, 0.9], np.float32)
    p = IndependentBernoulli(logits, 1)
    found = ObservedPart(p).log_prob(Masked(jnp.asarray(grey), jnp.array([True, False, True])))
    each = grey * np.asarray(logits) - np.logaddexp(0, logits)
    np.testing.assert_allclose(found, each[0] + each[2], rtol=1e-6)
    np.testing.assert_allclose(p.log_prob(jnp.asarray(grey)), each.sum(), rtol=1e-6)
    levels = Masked(jnp.array([255.0, 0.0, 255.0]), jnp.array([True, True, False]))
    assert ObservedPart(p).log_prob(levels) == -jnp.inf  # as p's own is of levels up to 255
    assert jnp.isfinite(ObservedPart(p).log_prob(levels._replace(mask=jnp.array([False, True, False]))))


def test_whole_numbers_are_no_example_of_a_density():
    """Its draws would be cut to whole numbers, and the chain be that of another model."""
    example = Masked(jnp.arange(5), jnp.asarray(np.arange(5) % 2 == 0))
    with pytest.raises(UsageError, match=r"int32 for a p.x.z. that is a density: give x\.astype"):
        jax.eval_shape(
            lambda: missing.conditional_mean(KEY, partially_observed(linear_gaussian()), example, num_steps=2)
        )


def test_the_bound_reaches_log_p_of_what_is_observed():
    """With the exact q(z|x_o) every weight is p(x_o)."""

    @jax.jit
    def both(x):
        part = exact.LinearGaussian(W[SEEN], GENERATOR.mean[SEEN], GENERATOR.noise_var)
        found = evaluate.log_likelihood(KEY, observed_model(), Masked(x, MASK), num_samples=3)
        return found, part.log_px(x[SEEN])

    np.testing.assert_allclose(*both(X), rtol=1e-5)


def test_single_imputation_is_the_conditional_mean():
    """From a q that is off: 5 standard errors of 200 runs of K = 2,000, whose bias is of order 1/K."""
    one = lambda k: imputation.single(k, observed_model(0.3, 1.7), Masked(X, MASK), num_samples=2000)
    runs = np.asarray(jax.jit(jax.vmap(one))(jax.random.split(KEY, 200)))
    np.testing.assert_array_equal(runs[:, SEEN], np.broadcast_to(np.asarray(X)[SEEN], (200, 3)))
    error = runs[:, UNSEEN].std(axis=0, ddof=1) / np.sqrt(200)
    assert (error < 5e-3).all()
    assert (np.abs(runs[:, UNSEEN].mean(axis=0) - conditional_moments()[0]) < 5 * error + 1e-4).all()


def test_multiple_imputations_have_the_conditional_mean_and_covariance():
    """5,000 draws, each resampled from 500 of its own: 5 standard errors of means and of covariances."""
    one = lambda k: imputation.multiple(k, observed_model(0.3, 1.7), Masked(X, MASK), num_draws=1, num_samples=500)[0]
    draws = np.asarray(jax.jit(lambda keys: jax.lax.map(one, keys, batch_size=500))(jax.random.split(KEY, 5000)))
    np.testing.assert_array_equal(draws[:, SEEN], np.broadcast_to(np.asarray(X)[SEEN], (5000, 3)))
    mean, cov = conditional_moments()
    centred = draws[:, UNSEEN] - mean
    assert (np.abs(centred.mean(axis=0)) < 5 * np.sqrt(np.diag(cov) / 5000)).all()
    products = centred[:, :, None] * centred[:, None, :]
    assert (np.abs(products.mean(axis=0) - cov) < 5 * products.std(axis=0) / np.sqrt(5000)).all()


@pytest.mark.parametrize(
    ("example", "decode", "message"),
    [
        (Masked(X, MASK[:4]), None, r"mask of shape \(4,\) with an x of shape \(5,\)"),
        (X, None, r"is Masked\(x, mask\), found ArrayImpl"),
        (Masked(X, MASK), lambda z: dist.MultivariateNormal(W @ z, jnp.eye(5)), "found MultivariateNormal"),
    ],
)
def test_a_mask_of_another_shape_and_a_likelihood_that_is_no_product_are_refused(example, decode, message):
    def bound():
        model = linear_gaussian()
        whole = model._replace(decode=decode or model.decode)
        return objectives.elbo(KEY, partially_observed(whole), example, kl="sampled")

    with pytest.raises(UsageError, match=message):
        jax.eval_shape(bound)  # refused as it is traced


def test_the_same_mask_for_a_seed_and_what_it_hides_is_zero_to_training():
    split = Split(np.full((200, 8, 8, 1), 9, np.uint8), np.zeros(200, np.int32))
    making = [
        images(Making(lambda key, levels: levels / 9, fraction=0.3, key=jax.random.key(seed))) for seed in (0, 0, 1)
    ]
    first, again, other = (examples.stored(split) for examples in making)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert (first.mask != other.mask).any()
    assert abs(first.mask.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / first.mask.size)
    x = making[0].preprocess(KEY, first)
    np.testing.assert_array_equal(x.x, first.mask)
    np.testing.assert_array_equal(x.mask, first.mask)


def test_nothing_of_a_run_depends_on_what_is_missing_from_its_training_images(tmp_path):
    """Another data set, equal where it is observed: the same parameters before and after a step, VampPrior included."""
    levels = np.random.default_rng(0).integers(0, 256, (300, 4, 4, 1), np.uint8)
    made = []
    for name in ("one", "other"):
        config = default_config()
        config.data.name, config.data.dir = name, str(tmp_path)
        config.data.num_validation, config.data.missing = 0, 0.5
        prior, likelihood = section(PRIORS, "vamp", num_components=5), section(LIKELIHOODS, "discretized_logistic")
        config.model = section(MODELS, "vae", prior=prior, likelihood=likelihood)
        config.objective.kl = "sampled"
        np.savez(tmp_path / f"{name}.npz", x_train=levels, x_test=levels[:9])
        made.append(setup(config))
        levels = np.where(made[0].task.stored.mask, levels, 255 - levels)
    assert (made[0].task.stored.images != made[1].task.stored.images).any()
    jax.tree.map(np.testing.assert_array_equal, *[first_step(one) for one in made])


def test_imputation_without_a_model():
    """Two kinds of image, told apart by what is observed; a pixel that no near one has gets the mean."""
    kinds = np.repeat(np.array([[0, 0, 51, 51], [255, 255, 204, 0]], np.uint8), 30, axis=0).reshape(60, 2, 2, 1)
    stored = Masked(kinds, np.ones_like(kinds, bool))
    stored.mask[:30, 0, 0] = False
    rows = [[np.nan, 0, 9, 0.2], [1, 9, 9, np.nan], [np.nan] * 4]  # nothing of the last, to which no one is near
    query = Masked(np.array(rows, np.float32).reshape(3, 2, 2, 1), None)
    query = query._replace(mask=query.x < 9)
    donors = stored._replace(x=np.where(stored.mask, stored.x / np.float32(255), np.nan))
    mean, neighbours = simple_imputations(donors, query)
    np.testing.assert_allclose(mean.ravel(), [1, 0.5, 0.5, 0.1], rtol=1e-6)
    expected = [[1, 0, 0.2, 0.2], [1, 1, 0.8, 0], [1, 0.5, 0.5, 0.1]]
    np.testing.assert_allclose(neighbours.reshape(3, 4), expected, rtol=1e-6)


def test_what_is_missing_of_the_donors_is_drawn_apart_from_every_example(monkeypatch):
    """Example i is imputed with fold_in(key, i)."""
    split, keys = Split(np.zeros((2, 1, 1, 1), np.uint8), np.zeros(2, np.int32)), []
    given = Masked(np.zeros((2, 1, 1, 1), np.float32), np.zeros((2, 1, 1, 1), bool))
    monkeypatch.setattr(scored, "impute", lambda key, trial, x: keys.append(key) or x.x)
    trial = Trial(None, given, Dataset("", "", "", split, split, split), lambda key, stored: keys.append(key) or given)
    scored.imputation_errors(KEY, trial)
    ours, of_examples = keys
    each = jax.vmap(lambda i: jax.random.fold_in(of_examples, i))(jnp.arange(scored.NUM_IMAGES))
    assert not (jax.random.key_data(each) == jax.random.key_data(ours)).all(axis=-1).any()
    assert scored.imputation_errors(KEY, trial._replace(x=given._replace(mask=~given.mask))) == {}


def test_a_run_reports_its_imputations(tmp_path, capsys, few_pictures):
    few_pictures("reconstructions", "samples", "manifold", "latent", "interpolations", "imputations")
    flags = ["--config.data.missing=0.4", "--config.objective.name=iwae", "--config.evaluate.num_samples=5"]
    flags += [f"--config.model.network.{side}_hidden=100," for side in ("encoder", "decoder")]
    flags += ["--config.optimizer.learning_rate=0.003", "--config.train.num_epochs=12", "--config.train.moving=False"]
    assert main(["train", "digits", "--runs", str(tmp_path), *flags]) == 0
    results = json.loads((tmp_path / "latest/results.json").read_text())
    of_model, of_mean = results["imputation_rmse"], results["imputation_rmse_training_mean"]
    assert 0.05 < of_model < of_mean < 0.4
    assert 0.05 < results["imputation_rmse_nearest_neighbours"] < of_mean
    nats_per_dim = -results["test_elbo"] / (results["bits_per_dim"] * np.log(2))
    assert abs(nats_per_dim - 0.6 * 64) < 1
    assert "imputation rmse" in capsys.readouterr().out
    figures = {file.stem for file in (tmp_path / "latest/figures").iterdir()}
    assert {"imputations", "manifold"} <= figures  # a row for each latent, of which there are more than two
    assert main(["sample", str(tmp_path / "latest"), "--num-samples", "4"]) == 0


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5])
def test_a_fraction_that_cannot_be(fraction, tmp_path, capsys):
    arguments = ["train", "digits", "--runs", str(tmp_path), f"--config.data.missing={fraction}"]
    assert main(arguments) == 2
    assert f"data.missing is {fraction}: expected a number above 0 and below 1" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("experiment", "fraction", "why"),
    [
        ("digits", 1e-6, "none of the 97,152 values of the training examples is hidden: raise it"),
        ("digits", 0.999999, "none of the 97,152 values of the training examples is left: lower it"),
        ("digits", 3e-5, "none of the 11,456 values of the test examples is hidden: raise it"),
        ("wine_table", 1e-6, "none of the 1,573 values of the training examples is hidden: raise it"),
    ],
)
def test_a_fraction_that_hides_nothing_or_all(experiment, fraction, why):
    config = load_experiment(experiment)
    config.data.missing, config.seed = fraction, 1
    found, _ = refusal(lambda: setup(config))
    assert found.startswith(f"data.missing is {fraction}: expected a fraction that hides some and leaves some; {why}")


def test_an_encoder_sees_what_gaps_are_filled_by():
    for fill in (3.0, jnp.array([5.0, 3.0])):
        model = partially_observed(Model(normal(jnp.zeros(2)), normal, normal), fill=fill)
        q = model.encode(Masked(jnp.array([1.0, jnp.nan]), jnp.array([True, False])))
        np.testing.assert_array_equal(q.mean, [1.0, 3.0])


def test_the_error_of_a_column_is_in_its_deviations(monkeypatch):
    """Of (3 - 1) / 2 and (20 - 40) / 10; of the means 2 and 0, (2 - 1) / 2 and (0 - 40) / 10."""
    monkeypatch.setattr(rows_imputed, "impute", lambda *_: np.array([[3.0, 10.0], [5.0, 20.0]], np.float32))
    labels = np.zeros(2, np.int32)
    train = Split(np.array([[0.0, -10.0], [4.0, 10.0]], np.float32), labels)  # deviations 2 and 10
    test = Split(np.array([[1.0, 10.0], [5.0, 40.0]], np.float32), labels)
    x = Masked(jnp.asarray(test.images), jnp.array([[False, True], [True, False]]))
    dataset = Dataset("", "", "", train, train, test, columns=(Column("a", "real"), Column("b", "real")))
    found = rows_imputed.row_imputation_errors(jax.random.key(0), Trial(None, x, dataset, lambda key, split: split))
    np.testing.assert_allclose(found["imputation_rmse"], np.sqrt((1 + 4) / 2))
    np.testing.assert_allclose(found["imputation_rmse_training_mean"], np.sqrt((0.25 + 16) / 2))
