"""The command line from end to end on `digits`, as a user runs it: in processes of their own."""

import functools
import json
import re
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

import vaex
from vaex.__main__ import main
from vaex.config.setup import setup
from vaex.figures import FIGURES
from vaex.runs import checkpoints, folder

QUICK = ["--config.evaluate.num_samples=20", "--config.model.latent_dim=2", "--config.train.eval_every=1"]
EPOCHS = "--config.train.num_epochs=10"


def command(*arguments):
    return [sys.executable, "-m", "vaex", *map(str, arguments)]


def newest_state(path, config):
    made = setup(config)
    state, progress = checkpoints.restore(path, jax.eval_shape(made.init))
    return state, progress


def timeless(row):
    """All but what the clock says."""
    return {k: v for k, v in row.items() if "second" not in k}


def assert_same_run(one, other):
    """The same parameters, optimizer state and step, bit for bit; the same metrics but for the clock."""
    config = vaex.load(one)[2]
    (a, progress_a), (b, progress_b) = newest_state(one, config), newest_state(other, config)
    jax.tree.map(np.testing.assert_array_equal, a, b)
    assert progress_a["best"] == progress_b["best"]
    assert [*map(timeless, folder.read_metrics(one))] == [*map(timeless, folder.read_metrics(other))]


WIDTHS = {"wide": ("wide",), "8,2.5": (8, 2.5), "(True,)": (True,), "None": (None,), "(8,(4,2))": (8, (4, 2))}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run of 10 epochs, in a process that never imports TensorFlow; before, one that cannot be."""
    runs = tmp_path_factory.mktemp("whole")
    script = (
        "import sys; from vaex.__main__ import main; "
        f"wrong = [f'--config.model.network.encoder_hidden={{value}}' for value in {[*WIDTHS]}]; "
        "assert [main(['train', 'digits', flag]) for flag in wrong] == [2] * len(wrong); "
        "sys.exit(main() or 'tensorflow' in sys.modules)"
    )
    arguments = ["train", "digits", "--runs", str(runs), *QUICK, EPOCHS]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (runs / "latest").resolve(), done.stdout, done.stderr


def test_a_run_holds_what_the_readme_says(whole):
    path, out, _ = whole
    names = {p.name for p in path.iterdir()}
    assert {"config.json", "metrics.jsonl", "tensorboard", "checkpoints", "figures", "results.json"} <= names
    assert f"page: {path}/index.html" in out
    assert (path / "command.txt").read_text().startswith("vaex train digits --runs ")
    page = (path / "index.html").read_text()
    assert "Finished: 10 epochs" in page
    figures = {p.stem for p in (path / "figures").iterdir()}
    assert figures == {
        "learning_curves",
        "kl_per_dimension",
        "reconstructions",
        "samples",
        "manifold",
        "latent",
        "interpolations",
        "round_trips",
        "training",
        "latent_training",
        "walk",
    }
    results = json.loads((path / "results.json").read_text())
    with np.load(path / "scores.npz") as each:  # of each test image, whose means are the scores
        for name, values in each.items():
            np.testing.assert_allclose(values.mean(), results[name], rtol=1e-5)
        assert {name: len(values) for name, values in each.items()} == {"test_elbo": 179, "test_log_likelihood": 179}
    expected = (
        "experiment dataset num_train test_elbo test_log_likelihood num_samples bits_per_dim active_units "
        "train_seconds examples_per_second num_epochs seed versions device"
    )
    assert set(expected.split()) <= set(results)
    assert results["test_elbo"] <= results["test_log_likelihood"] < 0
    assert results["num_epochs"] == 10
    assert len(folder.read_metrics(path)) == 10
    assert list((path / "tensorboard").iterdir())
    assert f"{results['test_elbo']:.2f} nats" in out
    assert len(list((path / "checkpoints").iterdir())) in (1, 2)  # the newest and the best, which may be one


def test_load_gives_back_the_model(whole):
    vae, params, config = vaex.load(whole[0])
    model = vae.bind(params)
    results = json.loads((whole[0] / "results.json").read_text())
    made = setup(config)

    @jax.jit
    def drawn(keys):
        x = made.task.examples.observe(keys[0], made.task.dataset.test)
        each = jax.random.split(keys[1], len(x))
        return jax.vmap(lambda k, one: vaex.objectives.elbo(k, model, one).elbo)(each, x)

    elbos = np.asarray(drawn([jax.random.key(5), jax.random.key(6)]))
    # Other noise and other binarized pixels: within 5 standard errors of their difference.
    assert abs(elbos.mean() - results["test_elbo"]) < 5 * np.sqrt(2) * elbos.std() / np.sqrt(len(elbos))


@pytest.mark.usefixtures("no_pictures")
def test_a_finished_run_is_evaluated_again_and_sampled_from_its_folder(whole):
    path, *_ = whole
    before = json.loads((path / "results.json").read_text())
    (path / "results.json").unlink()
    assert main(["evaluate", str(path)]) == 0
    again = json.loads((path / "results.json").read_text())
    assert timeless(again) == timeless(before)
    assert main(["sample", str(path), "--num-samples", "7", "--seed", "3"]) == 0
    with np.load(path / "samples.npz") as drawn:
        assert drawn["samples"].shape == drawn["means"].shape == (7, 8, 8, 1)
        assert set(np.unique(drawn["samples"])) <= {0, 1}


# A process whose imports take longer than its epochs: interrupted twice, it carries on without being started again.
THRICE = "from vaex.__main__ import main; from vaex.runs.process import run; run(lambda: main() or main() or main())"


def started(*arguments):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([sys.executable, *map(str, arguments)], **options)


def send(number, process, run, *, rows=1, pause=0.0):
    """A signal to a process once its run has so many more rows of metrics."""
    awaited = len(folder.read_metrics(run)) + rows
    deadline = time.monotonic() + 600  # of a machine that is busy
    while len(folder.read_metrics(run)) < awaited:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(pause)
    process.send_signal(number)


@pytest.mark.usefixtures("no_results")
def test_killed_at_any_moment_or_interrupted_and_carried_on(whole, tmp_path):
    """Kill -9 at moments that differ from run to run; signals, at which a checkpoint is written and the exit is clean.

    The end is the same bit for bit.
    """
    run, on = tmp_path / "latest", ["train", "--run", str(tmp_path / "latest")]
    anew = started("-m", "vaex", "train", "digits", "--runs", tmp_path, *QUICK, EPOCHS)
    send(signal.SIGKILL, anew, run, rows=2)
    anew.communicate(timeout=600)
    again = started("-c", THRICE, *on)
    assert again.stdout is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        send(number, again, run)
        assert any("carry on with: make train RUN=" in line for line in again.stdout)
    send(signal.SIGKILL, again, run, pause=0.013)
    again.communicate(timeout=600)
    assert [process.returncode for process in (anew, again)] == [-signal.SIGKILL] * 2
    assert main(on) == 0
    assert_same_run(run.resolve(), whole[0])


@pytest.mark.usefixtures("no_results")
def test_a_run_killed_before_its_first_checkpoint_starts_anew(whole, tmp_path):
    path, *_ = whole
    young = tmp_path / "young"
    young.mkdir()
    for name in ("config.json", "dataset.json"):
        (young / name).write_bytes((path / name).read_bytes())
    assert main(["train", "--run", str(young)]) == 0
    assert_same_run(young, path)


@pytest.mark.usefixtures("no_pictures")
def test_early_stopping_and_grey_pixels_are_said(tmp_path, capsys):
    flags = ["--config.data.binarize=none", "--config.train.patience=1", "--config.optimizer.learning_rate=0.05"]
    flags += ["--config.train.num_epochs=50", "--config.train.moving=False", *QUICK]
    assert main(["train", "digits", "--runs", str(tmp_path), *flags]) == 0
    results = json.loads((tmp_path / "latest/results.json").read_text())
    assert "stopped early" in capsys.readouterr().out
    assert results["num_epochs"] < 50
    assert not results["is_likelihood"]
    assert "not a likelihood" in results["dataset"]


def test_points_of_the_plane_and_their_density(tmp_path, few_pictures, monkeypatch):
    """The smoke test; the density's own log p(x) is above what five epochs reach."""
    few_pictures("density", "latent")  # all that do not move
    monkeypatch.setitem(FIGURES, "density", functools.partial(FIGURES["density"], side=20))
    quick = ["--config.train.num_epochs=5", "--config.evaluate.num_samples=20"]
    assert main(["train", "two_moons", "--runs", str(tmp_path), *quick]) == 0
    path = tmp_path / "latest"
    results = json.loads((path / "results.json").read_text())
    assert (results["num_train"], results["x_shape"]) == (9000, [2])
    assert -2.5 < results["test_elbo"] < results["test_log_likelihood"] < results["log_likelihood_of_the_density"]
    assert abs(results["log_likelihood_of_the_density"] + 1.012) < 1e-3
    assert {f.stem for f in (path / "figures").iterdir()} >= {"density", "latent", "learning_curves"}


def test_help_and_wrong_usage(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    commands = re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE)
    assert {"train", "sweep", "encode", "report"} <= set(commands)
    for name in commands:
        with pytest.raises(SystemExit, match="0"):
            main([name, "--help"])
        assert f"usage: vaex {name} " in capsys.readouterr().out
    wrong = {
        "fly": "argument COMMAND: invalid choice: 'fly'",
        "sample run --num-samples=abc": "argument --num-samples: invalid int value: 'abc': `vaex sample",
        "score run --ais --num-samples=3": "argument --num-samples: not allowed with argument --ais",
        "encode": "the following arguments are required: run",
    }
    for words, line in wrong.items():
        assert main(words.split()) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"vaex: {line}")
        assert err.count("\n") == 1


def test_widths_that_are_no_tuple_of_whole_numbers(whole):
    """In a process of its own, where nothing else checks types."""
    said = [line for line in whole[2].splitlines() if "encoder_hidden" in line]
    expected = "model.network.encoder_hidden is {}: expected whole numbers of at least 1"
    assert said == [f"vaex: {expected.format(found)}" for found in WIDTHS.values()]
