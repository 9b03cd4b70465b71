"""What INPUT names, and the commands that are about it."""

import csv
import json

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import vaex
from tests.refusal import refusal
from tests.test_bad_input import fails
from vaex.__main__ import main
from vaex.data.given.as_trained import as_given
from vaex.data.given.inputs import read_given
from vaex.data.given.kept import GivenImages
from vaex.runs import folder, results
from vaex.runs.answers import answering
from vaex.runs.answers.asked import Answer
from vaex.runs.load import kept_of
from vaex.runs.trained import Trained

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)


@pytest.fixture(scope="module")
def kept(saved_run):
    return kept_of(saved_run)


def test_files_of_arrays(tmp_path, kept):
    """Images with labels and a mask; of splits the test images; an array alone, nan where a pixel is missing."""
    mask = IMAGES > 99
    np.savez(tmp_path / "a.npz", images=IMAGES[..., 0], labels=np.arange(5), mask=mask[..., 0])
    found = read_given(str(tmp_path / "a.npz"), kept)
    for name, expected in {"images": IMAGES, "labels": np.arange(5), "mask": mask}.items():
        np.testing.assert_array_equal(getattr(found, name), expected)
    again = as_given(found, kept, labels=[7] * 5, mask=IMAGES < 200)
    np.testing.assert_array_equal(again.labels, [7] * 5)
    np.testing.assert_array_equal(again.mask, mask & (IMAGES < 200))
    assert as_given(found, kept).labels is found.labels
    assert "the mask has shape (3,)" in str(refusal(lambda: as_given(found, kept, mask=[1, 0, 1]))[0])
    np.savez(tmp_path / "b.npz", x_train=IMAGES, y_train=[1] * 5, x_test=IMAGES[:2], y_test=[3, 4])
    found = read_given(str(tmp_path / "b.npz"), kept)
    np.testing.assert_array_equal(found.images, IMAGES[:2])
    np.testing.assert_array_equal(found.labels, [3, 4])
    np.save(tmp_path / "c.npy", np.where(mask, IMAGES / 255, np.nan))
    found = read_given(str(tmp_path / "c.npy"), kept, may_miss=True)
    np.testing.assert_array_equal(found.mask, mask)
    np.testing.assert_array_equal(found.images, np.where(mask, IMAGES, 0))
    assert "values that are nan" in str(refusal(lambda: read_given(str(tmp_path / "c.npy"), kept))[0])


def test_integers_are_levels_where_training_had_levels(kept):
    """However dark; a run from before, of which it is not known, goes by what is given."""
    assert kept.has_levels
    for dark in (IMAGES // 255, IMAGES // 13):
        np.testing.assert_array_equal(as_given(dark, kept).images, dark)
    bits, before = np.minimum(IMAGES, 1), kept._replace(has_levels=False)
    np.testing.assert_array_equal(as_given(bits, before).images, 255 * bits)
    assert "integers up to 19: expected 0 and 1" in refusal(lambda: as_given(IMAGES // 13, before))[0]


def test_a_folder_in_the_order_of_its_files_and_in_the_channels_of_the_run(tmp_path, kept):
    (tmp_path / "sub").mkdir()
    for i, name in enumerate(("b.png", "a.png", "sub/c.png")):
        Image.fromarray(IMAGES[i, ..., 0]).convert("RGB" if i else "L").save(tmp_path / name)
    found = read_given(f"folder:{tmp_path}", kept)
    assert found.files == ("a.png", "b.png", "sub/c.png")
    np.testing.assert_array_equal(found.images, IMAGES[[1, 0, 2]])
    Image.fromarray(IMAGES[3, :7, :, 0]).save(tmp_path / "z.png")
    line, _ = refusal(lambda: read_given(f"folder:{tmp_path}", kept))
    assert f"{tmp_path / 'z.png'}: images have shape (1, 7, 8, 1): expected [N, 8, 8, 1]" in line


def test_the_test_split_of_a_data_set(kept):
    test = vaex.data.load("digits").test
    found = read_given("digits", kept)
    np.testing.assert_array_equal(found.images, test.images)
    np.testing.assert_array_equal(found.labels, test.labels)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.npz", "INPUT is none.npz: no such file; expected NAME.npz, NAME.npy, folder:PATH or the name"),
        ("chair:x.csv", "INPUT is chair:x.csv: expected NAME.npz"),
        ("folder:nowhere", "nowhere: no such folder"),
        ("nothing", "data set 'nothing' not found"),
    ],
)
def test_what_is_not_there(kept, name, message):
    assert message in str(refusal(lambda: read_given(name, kept))[0])


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def uncompiled(monkeypatch):
    """A trained model answers any numbers, of the shapes that its answers have."""

    def numbers(self, name, one, examples, seed, chunk_size):
        each = jax.vmap(lambda key, example: one(key, self.bind(), example), (None, 0))
        rng = np.random.default_rng(seed)
        shapes = jax.eval_shape(each, jax.random.key(0), examples)
        return jax.tree.map(lambda shape: rng.random(shape.shape, np.float32), shapes)

    monkeypatch.setattr(Trained, "_run", numbers)


def test_the_commands_write_what_the_model_answers(run, tmp_path, capsys, uncompiled, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", images=IMAGES, labels=[3, 1, 2, 3, 9], mask=IMAGES > 99)
    ask = lambda command, *flags: main([command, str(run), "--input", "mine.npz", *flags])
    model, answers = vaex.load(run), run / "answers"
    assert ask("encode", "--seed", "3") == 0
    assert "q(z|x) of 5 images: " in capsys.readouterr().out
    wanted = model.encode(IMAGES, seed=3)._asdict()
    with np.load(answers / "encode_mine.npz") as found:
        table = rows(answers / "encode_mine.csv")
        for name, value in wanted.items():
            np.testing.assert_array_equal(found[name], value)
            np.testing.assert_array_equal([[row[f"{name}_0"], row[f"{name}_1"]] for row in table], value.astype(str))
    assert [row["label"] for row in table] == ["3", "1", "2", "3", "9"]
    assert ask("score", "--num-samples", "4", "--seed", "2") == 0
    assert "L_4 of 5 images, 0." in capsys.readouterr().out
    for name, value in model.log_likelihood(IMAGES, num_samples=4, seed=2)._asdict().items():
        np.testing.assert_array_equal([row[name] for row in rows(answers / "score_mine.csv")], value.astype(str))
    for command, flags, name, shape in (
        ("reconstruct", (), "means", (5, 8, 8, 1)),
        ("interpolate", ("--steps", "3"), "paths", (2, 3, 8, 8, 1)),
        ("impute", ("--num-samples", "4"), "images", (5, 8, 8, 1)),
    ):
        assert ask(command, *flags) == 0
        assert (answers / f"{command}_mine.png").stat().st_size
        with np.load(answers / f"{command}_mine.npz") as found:
            assert found[name].shape == shape
    assert "no label among its latents" in fails(capsys, ["classify", str(run)])
    assert "INPUT is mine.npz, with a mask" in fails(capsys, ["evaluate", str(run), "--input", "mine.npz"])


def test_no_answer_takes_the_place_of_anothers(tmp_path):
    names = ["", "x.npz", "x", "a/x.npz", "b/x.npz", "x.npy", "folder:x", "test.npz", "test"]
    names += ["\u00e9.npz", "\u00e8.npz", "\udcff.npz", f"{'x' * 251}.npz", f"{'x' * 250}.npz"]
    found = [folder.answer_file(tmp_path, "encode", name).name for name in names]
    assert found[:2] == ["encode_test", "encode_x"]
    assert len({*found}) == len(names)
    assert max(map(len, found)) < 200  # a file's name has 255


def test_names_that_are_no_text_and_titles_with_dollars_are_written(run):
    given = GivenImages(IMAGES, files=tuple(f"\udcff{i}.png" for i in range(5)))
    found = Answer("said", {"mean": np.zeros(5)}, {"mean": np.zeros(5)}, Figure(figsize=(1, 1)))
    _, table, _ = answering._write(run, run / "found", given, found, "folder:a$^$b\udcff", None)
    assert rows(table)[0] == {"index": "0", "path": "?0.png", "mean": "0.0"}


def test_without_an_input_the_test_images_of_the_run(run, capsys, uncompiled):
    assert main(["impute", str(run), "--missing", "0.25"]) == 0
    assert "of 179 images, 25% of their pixels" in capsys.readouterr().out
    with np.load(run / "answers" / "impute_test.npz") as found:
        test = vaex.data.load("digits").test
        np.testing.assert_allclose(found["images"][found["mask"]], (test.images / 255)[found["mask"]], rtol=1e-6)
        np.testing.assert_array_equal(found["label"], test.labels)


def test_a_run_is_scored_on_other_images(run, tmp_path, monkeypatch):
    """Those are what its reports see."""

    def report(key, trial):
        np.testing.assert_array_equal(trial.dataset.test.images, IMAGES)
        return {"seen": len(trial.x), "num_samples": trial.num_samples}

    monkeypatch.setitem(results.REPORTS, "scores", report)
    monkeypatch.setattr(results.console, "summary", lambda *args: None)
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", images=IMAGES)
    before = (run / "results.json").read_bytes()
    assert main(["evaluate", str(run), "--input", "mine.npz", "--num-samples", "3"]) == 0
    found = json.loads((run / "answers" / "evaluate_mine.json").read_text())
    assert (found["num_scored"], found["seen"], found["num_samples"]) == (5, 5, 3)
    assert found["scored_on"] == "mine.npz"
    assert (run / "results.json").read_bytes() == before
    assert not (run / "figures").exists()


def test_images_of_another_shape_are_refused_before_anything_is_written(run, tmp_path, capsys):
    np.save(tmp_path / "large.npy", np.zeros((2, 9, 9)))
    for command in ("encode", "reconstruct", "interpolate", "score", "impute", "evaluate"):
        line = fails(capsys, [command, str(run), "--input", str(tmp_path / "large.npy")])
        assert (
            "have shape (2, 9, 9, 1): expected [N, 8, 8, 1], as the model was trained on; resize them to 8 x 8" in line
        )
    assert not (run / folder.ANSWERS).exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "--num-samples", "0"], "--num-samples is 0: expected a whole number of at least 1"),
        (["evaluate", "--num-samples", "0"], "--num-samples is 0"),
        (["interpolate", "--steps", "1"], "--steps is 1: expected a whole number of at least 2"),
        (["impute", "--missing", "1.5"], "--missing is 1.5: expected a number above 0 and below 1"),
        (["encode", "--seed", "-1"], "--seed is -1"),
        (["sample", "--temperature", "-1"], "--temperature is -1.0"),
    ],
)
def test_numbers_that_cannot_be(saved_run, capsys, arguments, message):
    assert message in fails(capsys, [arguments[0], str(saved_run), *arguments[1:]])


def test_importance_samples_and_temperatures_are_two_scores(saved_run, capsys):
    line = fails(capsys, ["score", str(saved_run), "--ais", "9", "--num-samples", "9"])
    assert "--num-samples: not allowed with argument --ais" in line
