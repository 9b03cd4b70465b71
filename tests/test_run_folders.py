"""Run folders whose files are damaged, or are of another run: read as they were, or refused in one line."""

import functools
import json
import shutil
import zlib
from pathlib import Path

import jax
import numpy as np
import pytest

import vaex
from tests.refusal import refusal, same
from vaex.__main__ import main
from vaex.config import read_config, save_config
from vaex.config.setup import setup
from vaex.config.task import describe_run
from vaex.figures.plots import kl_per_layer, learning_curves
from vaex.runs import checkpoints, folder, load, steady
from vaex.runs.page_file import write_page
from vaex.runs.training import newest_progress

GARBAGE = np.random.default_rng(0).bytes(200)


@pytest.fixture(autouse=True)
def _nothing_trains(monkeypatch):
    """So that what is damaged is told at once."""
    monkeypatch.setattr(steady, "_SECONDS", 0.0)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    raw = bytearray(path.read_bytes() or b"\0")
    raw[len(raw) // 2] ^= 4
    path.write_bytes(raw)


def into_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "random": lambda path: path.write_bytes(GARBAGE),
    "flipped": flip,
    "folder": into_folder,
    "missing": Path.unlink,
}


def files_of(run):
    return sorted(p for p in run.rglob("*") if p.is_file() and not p.is_symlink())


@pytest.fixture(scope="module")
def described(saved_run):
    """What opens a run, with the description of its model kept, and what is read of the undamaged one."""
    abstract = jax.eval_shape(setup(read_config(saved_run / folder.CONFIG)).init)
    kept = functools.cache(lambda text, *args, **known: describe_run(read_config(Path(text)), *args, **known))

    def by_its_json(config, *args, **known):
        path = saved_run.parent / f"{zlib.crc32(config.to_json().encode())}.json"
        save_config(config, path)
        return kept(str(path), *args, **known)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "describe_run", by_its_json)
        reads = (lambda run: vaex.load(run)[1], lambda run: checkpoints.restore(folder.open_run(run), abstract))
        yield [(read, read(saved_run)) for read in reads]


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_file_is_damaged_a_run_is_read_as_it_was_or_refused(run, saved_run, described, damage):
    """By load, which reads checkpoint 1, and by what goes on from checkpoint 2."""
    refused = set()
    for name in sorted(p.relative_to(saved_run) for p in saved_run.rglob("*") if p.is_file()):
        DAMAGES[damage](run / name)
        read, before = described[name.parts[:2] == ("checkpoints", "2") and "metrics" not in name.parts]
        line, found = refusal(lambda read=read: read(run))
        assert line or same(found, before), name
        assert line is None or str(run) in line, line
        refused |= {name.as_posix()} if line else set()
        shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink(missing_ok=True)
        shutil.copy(saved_run / name, run / name)
    read = {"config.json", "checkpoints/2/progress/metadata", "checkpoints/2/state/manifest.ocdbt"}
    assert read <= refused


COMMANDS = {"train": ["train", "--run"], "evaluate": ["evaluate"], "sample": ["sample"]}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("name", "damage", "read_by"),
    [
        ("config.json", "cut", COMMANDS),
        ("dataset.json", "random", COMMANDS),
        ("metrics.jsonl", "random", ("train", "evaluate")),
        ("results.json", "folder", COMMANDS),
        ("samples.npz", "folder", COMMANDS),
        ("tensorboard", "file", COMMANDS),
        ("figures", "file", COMMANDS),
        ("checkpoints/2/progress/metadata", "flipped", ("train", "evaluate")),
        ("checkpoints/2/state/manifest.ocdbt", "empty", ("train",)),
        ("checkpoints/1/state/manifest.ocdbt", "missing", ("evaluate", "sample")),
        ("checkpoints/1/metrics/metrics", "cut", ("evaluate", "sample")),
    ],
)
def test_a_command_says_in_one_line_what_is_damaged(capsys, run, command, name, damage, read_by):
    if command not in read_by:
        return
    path = run / name
    if damage == "file":
        shutil.rmtree(path, ignore_errors=True)
        path.write_text("")
    else:
        path.touch()
        DAMAGES[damage](path)
    before = {p: p.read_bytes() for p in files_of(run) if p.name != ".lock"}
    assert main([*COMMANDS[command], str(run)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("vaex: ")
    assert said.count("\n") == 1, said
    assert name.rsplit("/", 1)[-1] in said
    assert {p: p.read_bytes() for p in files_of(run) if p.name != ".lock"} == before


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("config.json", {"data": {"name": {}}}, "config.data.name is {}: expected str, in "),
        ("config.json", {"model": {"name": ["vae"]}}, "config.model.name is ['vae']: expected one of vae"),
        ("config.json", {"model": 3}, "config.model is 3: expected an object with fields"),
        (
            "config.json",
            {"model": {"latent_dim": 0}},
            "model.latent_dim is 0: expected a whole number of at least 1, in ",
        ),
        ("config.json", {"seeds": 3}, "config.seeds is no field"),
        ("config.json", {"optimizer": {"learning_rate": np.nan}}, "expected JSON, found NaN, which is no number"),
        ("config.json", {"model": {"kind": "vae"}}, "config.json has model.kind, as runs of an earlier vaex, but not"),
        ("config.json", {"data": {"name": "a:b"}}, "data.name is 'a:b': expected the name of a data set"),
        ("dataset.json", {"x_shape": [8, 8]}, "dataset.json: x_shape is [8, 8]: expected the height"),
        ("dataset.json", {"x_shape": [8, 8, "1"]}, "dataset.json: a size of x_shape is '1': expected a whole"),
        ("dataset.json", {"x_shape": [8, 8, 10**30]}, "dataset.json: a size of x_shape is 1000"),
        ("dataset.json", {"num_classes": True}, "dataset.json: num_classes is True: expected a whole number"),
        (
            "dataset.json",
            {"x_shape": [1], "columns": [{"name": "a", "type": "real"}]},
            "dataset.json: a column: has no field 'classes', expected a list",
        ),
        (
            "dataset.json",
            {"x_shape": [1], "columns": [{"name": "a", "type": "real", "classes": [], "scale": "1"}]},
            "dataset.json: a column: scale is '1': expected a number",
        ),
        ("dataset.json", {"num_train": None}, "dataset.json: num_train is None: expected a whole number"),
        ("dataset.json", {"x_shape": [9, 9, 1]}, "has shape (64,): expected (81,) by the config"),
        ("config.json", {"model": {"latent_dim": 3}}, "has shape (2, 4): expected (3, 4) by the config"),
        ("config.json", {"model": {"network": {"decoder_hidden": [4, 4]}}}, "decoder/params/hidden_1/bias, which the"),
        ("config.json", {"model": {"network": {"decoder_hidden": []}}}, "has shape (4, 64): expected (2, 64)"),
    ],
)
def test_a_file_of_another_run_or_with_another_type_in_a_field(run, name, change, message):
    def changed(value, by):
        return {**value, **{k: changed(value.get(k), v) if isinstance(v, dict) and v else v for k, v in by.items()}}

    value = changed(json.loads((run / name).read_text()), change)
    (run / name).write_text(json.dumps(value))
    line, _ = refusal(lambda: vaex.load(run))
    assert message in str(line)
    assert str(run / name) in line or "checkpoint" in line or "a:b" in line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_elbo": -1.0, "test_elbo_standard_error": "x"}, "test_elbo_standard_error is 'x': expected a number"),
        ({"kl_per_dimension": -1}, "kl_per_dimension is -1: expected a list"),
        ({"kl_per_dimension": ["a"]}, "kl_per_dimension is 'a': expected a number"),
        ({"active_units": 1, "active_units_per_layer": [1]}, "active_units_per_layer is 1: expected text"),
        ({"num_epochs": "2"}, "num_epochs is '2': expected a whole number"),
    ],
)
def test_a_result_of_another_type(run, change, message):
    folder.write_json(run / folder.RESULTS, change)
    assert f"results.json: {message}" in refusal(lambda: write_page(run))[0]


def test_a_result_that_a_run_has_not(run):
    """As the KL of each dimension, where no closed form is known."""
    folder.write_json(
        run / folder.RESULTS, {"kl_per_dimension": None, "test_elbo": 1.0, "test_elbo_standard_error": None}
    )
    assert "1.00 nats" in write_page(run).read_text()


def test_how_many_classes_there_are_is_said_by_every_run_of_now(run):
    dataset = json.loads((run / folder.DATASET).read_text())
    del dataset["num_classes"]
    folder.write_json(run / folder.DATASET, dataset)
    assert "dataset.json: has no field 'num_classes', expected a whole number" in refusal(lambda: vaex.load(run))[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3\n", "line 3 is 3: expected an object with fields"),
        ('{"elbo": 1.0}\n', "line 3: has no field 'epoch'"),
        ('{"epoch": 1.5}\n', "line 3: epoch is 1.5: expected a whole number"),
        ('{"epoch": 3, "elbo": {}}\n', "line 3: elbo is {}: expected a number"),
        ('{"epoch": 3, "kl": [1, "2"]}\n', "line 3: kl is '2': expected a number"),
        ("\x00\n", "line 3: expected JSON"),
    ],
)
def test_a_line_of_metrics(run, text, message):
    with (run / folder.METRICS).open("a") as file:
        file.write(text)
    line, _ = refusal(lambda: folder.read_metrics(run))
    assert message in str(line)


def test_metrics_that_are_not_finite_or_cut_short_are_read_and_drawn(run):
    with (run / folder.METRICS).open("a") as file:
        file.write('{"epoch": 3, "elbo": NaN, "kl": null}\n{"epoch": 4, "el')
    rows = folder.read_metrics(run)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    learning_curves(rows)
    learning_curves([])
    kl_per_layer(rows)


def test_files_without_permission_or_in_another_encoding(run, monkeypatch):
    (run / folder.DATASET).write_text("{}", encoding="utf-16")
    assert "expected text in UTF-8" in str(refusal(lambda: vaex.load(run))[0])

    def refused(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refused)
    assert f"cannot read {run / 'config.json'}: Permission denied" in str(refusal(lambda: vaex.load(run))[0])


def test_a_checkpoint_from_before_it_had_checksums_of_its_files(run, described):
    for sums in run.glob("checkpoints/*/crc32.json"):
        sums.unlink()
    assert same(vaex.load(run)[1], described[0][1])
    flip(max((run / "checkpoints" / "1" / "state" / "d").iterdir(), key=lambda path: path.stat().st_size))
    line, _ = refusal(lambda: vaex.load(run))
    assert f"checkpoint {run / 'checkpoints' / '1'} " in str(line)
    progress = run / "checkpoints" / "2" / "progress" / "metadata"
    written = json.loads(progress.read_text())
    for change, message in (({"loss": 1}, "has a field 'loss'"), ({"best": []}, "best is []: expected a number")):
        progress.write_text(json.dumps(written | change))
        line, _ = refusal(lambda: newest_progress(run))
        assert message in str(line)
