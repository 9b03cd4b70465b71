"""What brackets log p(x): on a model with exact answers, and of a run."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.studies import coverage
from tests.models import normal
from tests.test_ais import TABLE, TABLE_MODEL
from tests.test_trained import SMALL, UINT8, trained
from vaex import Model, evaluate
from vaex.__main__ import main
from vaex.data.given.kept import GivenImages
from vaex.errors import UsageError
from vaex.evaluate.certificate import Certificate, Lower, drawn, log_weights_of
from vaex.inference import ais
from vaex.model import Given, Observed
from vaex.models import exact
from vaex.runs import questions
from vaex.runs.answers import annealing, certifying
from vaex.runs.answers.asked import Asked, score

KEY = jax.random.key(0)


def test_on_discrete_latents_it_brackets_the_exact_evidence():
    """Of 60 images that the model drew; and L_1 of the test images is their exact ELBO within 5 standard errors."""
    x = np.arange(60) % 2
    found = evaluate.certificate(KEY, TABLE_MODEL, x, num_temperatures=4, num_chains=4, num_samples=2000, chunk_size=60)
    low, high = found.interval
    params = {"encoder": jnp.array([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), "decoder": TABLE}

    @jax.jit
    def answers(x, examples):
        each = jax.vmap(TABLE.log_px)
        return each(examples), each(x), jax.vmap(lambda x: exact.table_elbo(params, x))(x)

    log_px, of_test, bound = jax.tree.map(np.asarray, answers(x, found.examples))
    assert low < log_px.mean() < high
    assert 0 < found.width < 0.5
    assert found.counts == (1, 10, 100, 1000, 2000)
    apart = found.test.log_likelihood[:, 0] - bound  # each of 2,000 draws
    assert abs(apart.mean()) < 5 * apart.std() / np.sqrt(60)
    np.testing.assert_allclose(found.test.log_likelihood[:, -1], of_test, atol=0.3)


def test_the_study_counts_the_intervals_that_hold_the_exact_evidence():
    """Each does in 93 of 100 cases: fewer than five of eight have a chance of 2 in 1,000."""
    found = coverage.repeats(num_repeats=8, num_images=10, num_temperatures=4, num_chains=2)
    assert sum(one.holds for one in found) >= 5
    assert all(one.low < one.high for one in found)
    assert [coverage.Repeat(0.1, 0.3).holds, coverage.Repeat(-0.3, -0.1).holds] == [False, False]


def test_a_drawn_example_has_the_condition_of_what_it_is_like_and_its_type_of_32_bits():
    for given, dtype in ((jnp.int8, jnp.int32), (jnp.int32, jnp.int32)):
        example, z = jax.eval_shape(lambda x: drawn(KEY, TABLE_MODEL, x), jnp.array(1, given))
        assert example.dtype == dtype
    assert z.shape == ()
    with pytest.raises(UsageError, match="found a condition for a model without one"):
        drawn(KEY, TABLE_MODEL, Given(jnp.array(1), jnp.array(0)))
    with pytest.raises(UsageError, match="which has no latents"):
        drawn(KEY, Observed(TABLE_MODEL.prior), jnp.array(1))


def made(pareto_k=0.2, n=3):
    bounds = np.array([-92.0, -90.5, -90.1])[None].repeat(n, 0)
    each = lambda value: np.full(n, value)
    lower = Lower(bounds, each(40.0), each(pareto_k), each(-90.0), each(0.3), each(-91.0), each(0.65))
    return lower, Certificate((1, 5000, 10_000), lower, lower, np.array([-89.8, -89.9, -90.0]), np.zeros(n))


def test_the_interval_goes_two_standard_errors_outward():
    lower, found = made()
    low, high = found.interval
    assert low == pytest.approx(-90 - 2 * 0.3 / np.sqrt(3))
    assert high == pytest.approx(-89.9 + 2 * 0.1 / np.sqrt(3))
    assert found.not_to_be_trusted.size == 0
    some = found._replace(test=lower._replace(pareto_k=np.array([0.71, 0.7, np.nan])))
    np.testing.assert_array_equal(some.not_to_be_trusted, [0, 2])


def test_a_run_is_certified_in_a_line_and_files(run, capsys, monkeypatch):
    seen = {}

    def certificate(key, model, x, *, others, **options):
        words = lambda keys: {tuple(row) for row in np.asarray(jax.random.key_data(keys)).tolist()}
        of_images = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(0), i))(np.arange(6))
        assert not words(of_images) & words(jax.random.split(key, 6))
        seen.update(x=x, others=others)
        return made(pareto_k=0.9)[1]

    monkeypatch.setattr(certifying, "certificate", certificate)
    assert main(["certify", str(run), "--num-images=3"]) == 0
    assert [len(seen[name]) for name in ("x", "others")] == [3, 20]
    said = " ".join(capsys.readouterr().out.split())
    assert "of 3 images that the model drew: from -90.35 to -89.78 nats, 0.56 wide" in said
    assert (
        "AIS -90.00, at least -90.35, L_5000 -90.50, L_10000 -90.10; importance weights of 3 of these are not" in said
    )
    assert "log p(x) of 3 rows that the model drew" in certifying.said(made(pareto_k=0.9)[1], "rows")
    written = json.loads((run / "answers" / "certify_test.json").read_text())
    assert written["not_to_be_trusted"] == [0, 1, 2]
    np.testing.assert_allclose(written["test"]["log_likelihood"], [-92.0, -90.5, -90.1])
    assert written["drawn"]["reverse"] == pytest.approx(-89.9)
    assert (run / "answers" / "certify_test.png").stat().st_size > 10_000
    for flag, text in {
        "--num-chains=1": "--num-chains is 1",
        "--num-temperatures=0": "--num-temperatures is 0",
    }.items():
        assert main(["certify", str(run), flag]) == 2
        assert text in capsys.readouterr().err


def test_scores_by_annealed_importance_sampling_are_those_of_many_importance_samples():
    """Of two latents, where L_20000 is log p(x): within 5 standard errors."""
    model = trained(*SMALL)
    given = GivenImages(UINT8[:3])
    answer = score(model, given, Asked(ais=10))
    exact = model.log_likelihood(given, num_samples=20_000, chunk_size=3)
    apart = answer.arrays["log_likelihood"] - exact.log_likelihood
    assert (np.abs(apart) < 5 * np.hypot(answer.arrays["standard_error"], exact.standard_error)).all()
    assert (answer.arrays["standard_error"] > 0).all()
    assert answer.said.startswith("log p(x) by AIS of 3 images")


def test_the_path_of_scores_is_found_alike_however_many_images_are_asked_about(monkeypatch):
    """On what the model draws with the seed's own key."""
    found = []

    class Found(Exception):
        pass

    def record(key, model, examples, **options):
        found.append((jax.random.key_data(key), examples))
        raise Found

    monkeypatch.setattr(annealing.ais, "find_schedule", record)
    for images in (UINT8[:2], UINT8[2:7], UINT8[:3]):
        with pytest.raises(Found):
            annealing.annealed(trained(*SMALL), GivenImages(images))
    for other in found[1:]:
        jax.tree.map(np.testing.assert_array_equal, other, found[0])


def test_scores_along_another_schedule_need_no_other_program(monkeypatch):
    model, num = trained(*SMALL), 3
    found = []
    for size in (0.1, 0.3):
        path = ais.Schedule(jnp.linspace(0.0, 1.0, num), jnp.full(num, size), jnp.ones((num, 2)))
        monkeypatch.setattr(annealing.ais, "find_schedule", lambda *_, path=path, **options: path)
        found.append(annealing.annealed(model, GivenImages(UINT8[:2])).log_likelihood)
    assert not np.array_equal(*found)
    assert [name[0] for name in model.programs] == [questions.itself, questions.annealed]


def test_a_label_beside_other_latents_is_moved_by_no_chain():
    flags = ["model.name=m2", "objective.name=semi_supervised", "data.num_labels=100"]
    model = trained(*[f"--config.{flag}" for flag in flags], *SMALL)
    with pytest.raises(UsageError, match=r"this model's p\(z\) is a Labelled: leave --ais out"):
        annealing.annealed(model, GivenImages(UINT8[:2]))


def test_every_chunk_has_draws_of_its_own():
    model = Model(normal(jnp.zeros(1)), lambda x: normal(jnp.zeros(1)), normal)
    assert len(np.unique(log_weights_of(jax.random.key(0), model, jnp.ones(1), 1200))) > 1190
