"""The figures of auto-encoding variational Bayes: what they keep and what they say, without training."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaex import OptionError
from vaex.__main__ import main
from vaex.runs.experiments import load_studies

STUDIES = load_studies()
AEVB, CURVES, KEPT, FIGURE_2, FIGURE_3 = (
    importlib.import_module(f"{STUDIES.__name__}.{name}")
    for name in ("_aevb", "_aevb_curves", "_kept", "aevb_2", "aevb_3")
)
SETUP = AEVB.Setup("mnist", 2, 3)


def test_a_curve_is_computed_once_for_as_many_samples(tmp_path, monkeypatch, capsys):
    vae = SETUP.vae()
    params = jax.tree.map(lambda a: np.full(a.shape, 0.5, a.dtype), jax.eval_shape(vae.init, jax.random.key(0)))
    calls = []

    def train(setup, algorithm, samples):
        calls.append(samples)
        return {"samples": [10, 20], "train": [-2.0, -1.0], "test": [-3.0, -samples]}, params

    monkeypatch.setattr(CURVES, "_train", train)
    monkeypatch.setattr(KEPT, "_label", lambda name, dir: name)
    first, again, more = (CURVES.curve(SETUP, "AEVB", samples=n, kept=str(tmp_path)) for n in (20, 20, 40))
    assert calls == [20, 40]
    assert capsys.readouterr().out.count("kept") == 1
    assert again.test.tolist() == first.test.tolist() == [-3.0, -20.0]
    assert more.test.tolist() == [-3.0, -40.0]
    jax.tree.map(np.testing.assert_array_equal, again.params, params)
    monkeypatch.setattr(KEPT, "_label", lambda name, dir: f"{name} (5,000-image subset)")
    CURVES.curve(SETUP, "AEVB", samples=20, kept=str(tmp_path))
    assert calls == [20, 40, 20]  # of other data it is another curve
    assert (tmp_path / "mnist_5_000_image_subset_3_2_AEVB_20.json").is_file()
    with pytest.raises(OptionError, match="samples is 0"):
        CURVES.curve(SETUP, "AEVB", samples=0, kept=str(tmp_path))


def test_scores_lie_ever_further_apart():
    assert [i for i in range(1, 70) if CURVES._is_scored(i, 1)] == [1, 2, 4, 8, 16, 32, 64]
    assert sum(CURVES._is_scored(i, 8) for i in range(65, 129)) == 8


def test_the_parts_of_many_images_are_trained_on_in_turn(monkeypatch):
    """A stretch of one epoch of a part, and of several of fewer images than a stretch has."""
    seen = []

    def train_epoch(state, key, images, *, recipe, batch_size):
        jax.debug.callback(lambda image: seen.append(int(image)), images[0, 0, 0, 0])
        return state._replace(step=state.step + len(images) // batch_size), None, None

    monkeypatch.setattr(AEVB, "train_epoch", train_epoch)
    monkeypatch.setattr(AEVB, "STRETCH", 200)
    images = jnp.broadcast_to(jnp.arange(500)[:, None, None, None] // 100, (500, 28, 28, 1)).astype(jnp.uint8)
    trained = AEVB.trainer(SETUP, AEVB.AEVB)
    state = AEVB.init_state({}, AEVB.optax.identity())
    for _ in range(3):
        state = trained.stretch(jax.random.key(0), state, images)
    trained.stretch(jax.random.key(0), state, images[300:400])
    jax.effects_barrier()
    assert seen == [0, 2, 0, 3, 3]
    assert int(state.step) * trained.samples == 600


def fake(monkeypatch, module, ends):
    """Curves that end at what is given by latents or images, and by algorithm."""

    def curve(setup, algorithm, *, samples, kept):
        end = ends(setup, algorithm)
        test = np.array([end - 30, end + 40 if setup.latent_dim == 200 else end - 1, end])
        return CURVES.Curve(setup, algorithm, np.array([1e4, 2e4, 4e4]), test + 2, test, {})

    monkeypatch.setattr(module, "curve", curve)


def test_figure_2_says_what_shows(monkeypatch):
    fake(monkeypatch, FIGURE_2, lambda setup, by: -100.0 - 5 * ((by == "AEVB") == (setup.latent_dim == 3)))
    _, lines = FIGURE_2.aevb_2_figure(samples=4e4)
    assert lines[0] == "samples seen: 40000"
    assert lines[1].startswith("MNIST, 3 latents, AEVB above wake-sleep on test images: no, at 0 of 3")
    assert lines[2].endswith(": yes, at 3 of 3 counts of samples, at the end -100.0 and -105.0 nats")
    assert lines[6].startswith("MNIST, how far superfluous latents overfit: with 200 the test ELBO ends at ")
    assert ", 40.0 below its best and " in lines[6]
    assert ", 0.0 below its best and " in lines[-1]


def test_figure_3_says_what_shows(monkeypatch):
    fake(monkeypatch, FIGURE_3, lambda setup, by: -100.0 + (by == "MCEM") * (1 if setup.num_train == 1000 else -1))
    _, lines = FIGURE_3.aevb_3_figure(samples=4e4)
    assert lines[1].startswith("1,000 training images, MCEM ahead of neither: no, on test images AEVB -100.0")
    assert lines[2].startswith("50,000 training images, MCEM ahead of neither: yes")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["snr", "--samples=2"], "unexpected argument '--samples=2': the study snr has no options"),
        (
            ["aevb_2", "--sample=2"],
            "unexpected argument '--sample=2': the study aevb_2 has --samples=10000000.0, --kept=",
        ),
        (["aevb_2", "--samples=few"], "--samples is 'few': expected a value of type float"),
        (["aevb_2", "stray"], "unexpected argument 'stray'"),
    ],
)
def test_an_option_that_a_study_has_not_is_refused_in_a_line(capsys, arguments, message):
    assert main(["figure", *arguments]) == 2
    assert message in capsys.readouterr().err
