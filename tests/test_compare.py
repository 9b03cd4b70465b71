"""Runs side by side: which are of one config, which of one data set, and how far each is below the best."""

import csv
import io
import json
import os
import shutil

import numpy as np
import pytest

from tests.refusal import refusal
from tests.test_page import Page
from vaex.__main__ import main
from vaex.config import read_config, save_config
from vaex.evaluate.comparison import Scored, difference, over_seeds
from vaex.files import replaced
from vaex.runs import folder
from vaex.runs.page.document import bokeh
from vaex.runs.reports.compared import newest_of_seeds, read_compared
from vaex.runs.reports.compared_groups import by_data, differing
from vaex.runs.words import short

RNG = np.random.default_rng(0)
IMAGES = 9 * RNG.normal(size=200)  # what is hard of each test image, for every model


@pytest.fixture
def make(saved_run, tmp_path):
    """A function that makes a run folder: of a seed, a number of latents, and the scores of test images."""

    def run(name, seed=0, latents=2, each=None, checksum=1, num_samples=5, data=None):
        path = tmp_path / "runs" / "digits" / name
        shutil.copytree(saved_run, path, ignore=shutil.ignore_patterns("checkpoints", "results.json"))
        config = read_config(path / folder.CONFIG)
        config.seed, config.model.latent_dim = seed, latents
        save_config(config, path / folder.CONFIG)
        if data:
            described = json.loads((path / folder.DATASET).read_text())
            folder.write_json(path / folder.DATASET, described | data)
        if each is not None:
            with replaced(path / folder.SCORES) as file:
                np.savez(file, test_log_likelihood=each.astype(np.float32))
            error = each.std(ddof=1) / len(each) ** 0.5
            found = {"test_log_likelihood": float(each.mean()), "test_log_likelihood_standard_error": float(error)}
            found |= {"num_samples": num_samples, "test_checksum": checksum, "train_seconds": 10.0}
            folder.write_json(path / folder.RESULTS, found)
        return path

    return run


def scored(seed, each, checksum=1):
    return Scored(seed, each.mean(), each.std(ddof=1) / len(each) ** 0.5, each, checksum)


def test_one_run_against_another_is_paired_over_the_same_draws_of_the_same_images():
    one, other = IMAGES + RNG.normal(size=200), IMAGES - 1 + RNG.normal(size=200)
    found = difference([scored(0, one)], [scored(0, other)])
    assert found.value == pytest.approx((one - other).mean())
    assert found.error == pytest.approx((one - other).std(ddof=1) / 200**0.5)
    assert found.over == "test examples, paired"
    for unpaired in (scored(0, other, checksum=2), scored(1, other), scored(0, other)._replace(each=None)):
        apart = difference([scored(0, one)], [unpaired])
        assert apart.over == "unpaired"
        assert apart.error == pytest.approx(np.hypot(one.std(ddof=1), other.std(ddof=1)) / 200**0.5)
        assert (apart.error or 0) > 5 * (found.error or 1)


def test_seeds_are_paired_with_their_own():
    ones = [scored(s, IMAGES + s + 0.1 * s**2, checksum=s) for s in range(3)]
    others = [scored(s, IMAGES - 1 + s, checksum=s) for s in range(3)]
    found = difference(ones, others[::-1])
    assert found.value == pytest.approx(1 + 0.1 * 5 / 3)
    assert found.error == pytest.approx(np.std([0, 0.1, 0.4], ddof=1) / 3**0.5)
    assert found.over == "3 seeds, paired"
    mean = over_seeds(ones)
    assert mean.error == pytest.approx(np.std([one.value for one in ones], ddof=1) / 3**0.5)
    assert difference(ones, others[:2]).over == "unpaired"
    assert difference([ones[0]._replace(error=None)], [others[1]]).error is None


def test_runs_of_one_config_are_a_group_and_other_data_are_elsewhere(make):
    made = [make(f"a{seed}", seed, 2, IMAGES) for seed in (0, 1)]
    made += [make("b", 0, 3, IMAGES - 1), make("other", 0, 2, IMAGES, data={"crc32": 7})]
    sides = by_data([read_compared(path) for path in made])
    assert [[len(group.runs) for group in groups] for groups in sides.values()] == [[2, 1], [1]]
    first, second = sides
    assert first != second
    assert first.startswith("digits, binarized (dynamic)")
    assert differing(sides[first]) == ["model.latent_dim"]
    assert [group.name for group in sides[first]] == ["digits, latent_dim=2", "digits, latent_dim=3"]


def test_what_a_field_names_is_said_of_which():
    assert [*map(short, ("model.latent_dim", "data.augment.name", "model.name", "seed"))] == [
        "latent_dim",
        "augment",
        "model",
        "seed",
    ]


def test_a_run_that_repeats_another_or_starts_from_one_is_no_second_seed(make):
    paths = [make("newer", 0, 2, IMAGES), make("older", 0, 2, IMAGES), make("unfinished")]
    paths += [make("seed", 1, 2, IMAGES + 1), make("continued", 2, 2, IMAGES)]
    folder.write_json(paths[-1] / folder.ORIGIN, {"run": "/runs/digits/first", "epoch": 3})
    for seconds, path in enumerate(paths[1::-1]):
        os.utime(path / folder.DATASET, (seconds, seconds))
    kept, said = newest_of_seeds([read_compared(path) for path in paths])
    assert [run.folder for run in kept] == ["digits/newer", "digits/seed", "digits/continued"]
    assert said == [
        f"digits/{name}, of the same config, origin and seed as digits/newer, which is taken"
        for name in ("older", "unfinished")
    ]
    ((both, continued),) = by_data(kept).values()
    assert [len(both.runs), len(continued.runs)] == [2, 1]
    assert continued.name == "digits, origin=digits/first"
    same = [scored(0, IMAGES), scored(0, IMAGES)]
    for refused in (lambda: over_seeds(same), lambda: difference(same, same)):
        assert refusal(refused)[0] == "2 runs have seed 0: expected one of each seed; leave one out"


def test_the_newest_is_told_by_its_name_which_a_copy_has_too(make):
    names = ("2026-11-29_05-00-00", "2026-11-29_01-30-13_first")
    paths = [make(name, 0, 2, IMAGES) for name in names]
    for seconds, path in enumerate(paths):
        os.utime(path / folder.DATASET, (seconds, seconds))
    kept, _ = newest_of_seeds([read_compared(path) for path in paths])
    assert [run.folder for run in kept] == [f"digits/{names[0]}"]


def test_scores_of_fewer_epochs_than_a_run_has_are_left_out(make, capsys, tmp_path):
    make("whole", 1, 2, IMAGES)
    path = make("older", 0, 2, IMAGES)  # of two epochs
    scores = json.loads((path / folder.RESULTS).read_text())
    for num_epochs, is_older in ((2, False), (1, True), (1, False)):
        if not is_older:  # killed after an epoch that no checkpoint was written of
            (path / folder.CHECKPOINTS / str(num_epochs)).mkdir(parents=True)
        elif (path / folder.CHECKPOINTS).exists():
            shutil.rmtree(path / folder.CHECKPOINTS)
        folder.write_json(path / folder.RESULTS, scores | {"num_epochs": num_epochs})
        out = compare(make, capsys, tmp_path)
        said = "left out: the scores of digits/older, which was trained on since: evaluate it"
        assert (said in out, "1 of 2" in out) == (is_older, is_older)


def test_every_run_is_found_those_of_sweeps_and_one_whose_name_has_brackets(make, capsys, tmp_path, monkeypatch):
    named, member = make("a[1]", 0, 2, IMAGES), make("sweep_a/latents=3", 0, 3, IMAGES - 1)
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "--of", str(named), "--csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["compare", "--csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    shutil.rmtree(named)
    shutil.rmtree(member)
    assert main(["compare"]) == 2
    assert "there is no run in runs/" in capsys.readouterr().err


def compare(make, capsys, tmp_path, *words):
    assert main(["compare", "--of", f"{tmp_path}/runs/digits/*", "--out", str(tmp_path / "page.html"), *words]) == 0
    return capsys.readouterr().out


def test_the_table_the_page_the_csv_and_the_latex_say_the_same(make, capsys, tmp_path):
    make("good", 0, 2, IMAGES)
    make("worse", 0, 3, IMAGES - np.linspace(1, 3, 200))
    make("unfinished", 0, 4)
    make("elsewhere", 0, 2, IMAGES, data={"crc32": 7, "dataset": "else", "experiment": "MODEL_3"})
    out = compare(make, capsys, tmp_path)
    assert "-2.00 ± 0.04 (test examples, paired)" in out
    assert "scores of different data are not compared" in out
    shown = Page((tmp_path / "page.html").read_text())
    assert "-2.00 ± 0.04 (test examples, paired)" in shown.text
    assert "Scores of different data are not compared" in shown.text
    assert "model.latent_dim 2 3 4" in shown.text
    rows = list(csv.DictReader(io.StringIO(compare(make, capsys, tmp_path, "--csv"))))
    here = {row["runs"]: row for row in rows if row["data"].startswith("digits")}
    assert [*here] == ["digits, latent_dim=2", "digits, latent_dim=3", "digits, latent_dim=4"]
    assert float(here["digits, latent_dim=3"]["to the best"]) == pytest.approx(-2.0, rel=1e-5)
    assert here["digits, latent_dim=4"]["L_5"] == ""
    latex = compare(make, capsys, tmp_path, "--latex")
    assert latex.count(r"\begin{tabular}") == 2
    assert r"digits, latent\_dim=3 & 1 & " in latex
    assert r" & L\textsubscript{5} & to the best, by L\textsubscript{5} & " in latex
    assert r"MODEL\_3 & 1 & " in latex
    assert r"& $-$2.00 $\pm$ 0.04 (test examples, paired)" in latex


def test_seeds_without_scores_are_no_seeds_of_a_mean(make, capsys, tmp_path):
    for seed in range(3):
        make(f"seed{seed}", seed, 2, None if seed else IMAGES)
    out = compare(make, capsys, tmp_path)
    assert "1 of 3" in out
    assert "left out: digits/seed1, which has no scores, as other seeds have" in out
    (row,) = csv.DictReader(io.StringIO(compare(make, capsys, tmp_path, "--csv")))
    assert row["seeds"] == "1"


def test_bounds_of_different_k_stand_apart_and_none_decides(make, capsys, tmp_path):
    make("few", 0, 2, IMAGES)
    make("many", 0, 3, IMAGES, num_samples=500)
    out = compare(make, capsys, tmp_path)
    assert "L_5 " in out
    assert "L_500 " in out
    assert "the best" not in out.replace("to the best", "")


def test_a_run_that_cannot_be_read_is_named_and_the_others_are_compared(make, capsys, tmp_path):
    make("whole", 0, 2, IMAGES)
    (make("broken", 0, 3, IMAGES) / folder.RESULTS).write_text("{")
    out = compare(make, capsys, tmp_path)
    assert "left out: " in out
    assert "broken/results.json" in out
    assert "digits" in out
    assert main(["compare", "--of", str(tmp_path / "nothing*"), "--out", str(tmp_path / "page.html")]) == 2
    assert "no run folder matches" in capsys.readouterr().err
    assert main(["compare", "--of", "'a"]) == 2
    assert "quotation marks go in pairs" in capsys.readouterr().err


def test_a_page_of_runs_runs_nothing_that_is_in_them(make, capsys, tmp_path):
    evil = "<script>alert(1)</script>"
    make("evil", 0, 2, IMAGES, data={"experiment": evil, "dataset": evil})
    make("plain", 0, 2, IMAGES)
    compare(make, capsys, tmp_path)
    shown = Page((tmp_path / "page.html").read_text())
    assert evil in shown.text
    assert len(shown.of("script")) == len(shown.json) + (4 if bokeh() else 2)  # the page's own
