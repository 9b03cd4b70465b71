"""The tables of README and docs and the experiments' score lines are those of the files in docs/results."""

import json
import re
from pathlib import Path

import pytest

from vaex.config import default_config, override, save_config
from vaex.errors import UsageError
from vaex.runs import words
from vaex.runs.docstrings import with_score_line
from vaex.runs.reports import kept, report, tables

ROOT = Path(__file__).parent.parent
EXPERIMENTS = sorted(path.stem for path in (ROOT / "experiments").glob("[!_]*.py"))
STUDIES = sorted(path.stem for path in (ROOT / "experiments" / "studies").glob("[!_]*.py"))
# Of these none was kept, but that those of iwae and of labels stand by experiment.
NOT_KEPT = {"gmm", "iwae", "labels"}

RUN = {
    "experiment": "a",
    "family": "F",
    "command": "make train EXP=a",
    "test_elbo": -2.5,
    "test_log_likelihood": -2.0,
    "num_samples": 5,
    "active_units_per_layer": ["1 of 2", "3 of 4"],
    "train_seconds": 61.7,
    "num_epochs": 1000,
    "seed": 0,
    "cores": 1,
}
PAGE = "Before.\n\n<!-- report: family F -->\nold\n<!-- /report -->\n\nAfter.\n"
SOURCE = '"""An experiment.\n\nmake train EXP=a\n"""\n\nfrom x import y\n'
LINE = "62 s of training on one of two CPU cores; L_5 = -2.00 nats, ELBO -2.50 nats, active units 1 of 2 + 3 of 4."


def test_tables_and_score_lines_are_up_to_date():
    stale = [str(path.relative_to(ROOT)) for path, text in report.report(ROOT).items() if path.read_text() != text]
    assert not stale, f"differ from docs/results: {', '.join(stale)}; write them with: make report"


def test_every_experiment_has_its_numbers():
    measured = set(kept.read_runs(ROOT))
    assert measured == set(EXPERIMENTS)
    assert set(kept.readable_studies(ROOT)[0]) | NOT_KEPT == set(STUDIES) | {"certificate"}  # a command, make certify


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_has_a_row_in_the_page_of_experiments(name):
    page = (ROOT / "docs" / "experiments.md").read_text()
    assert f"| `make train EXP={name}` |" in page


def test_every_run_says_where_its_numbers_are_from():
    for name, run in kept.read_runs(ROOT).items():
        for one in (run, *run.get("others", ())):
            assert "provenance" in one or "versions" in one, name  # a results.json has the versions
            assert one["command"].startswith(f"make train EXP={name}"), name


def test_a_changed_number_is_seen_and_written(tmp_path):
    _write(tmp_path, RUN)
    assert len(report.write_report(tmp_path)) == 2
    assert report.write_report(tmp_path) == []
    _write_json(tmp_path, RUN | {"test_elbo": -2.4})
    assert {path.name for path in report.write_report(tmp_path)} == {"README.md", "a.py"}
    assert "ELBO -2.40 nats" in (tmp_path / "experiments" / "a.py").read_text()


def test_a_page_keeps_what_is_around_its_tables():
    text = report.fill(PAGE, {"a": RUN | {"note": "A remark.", "published": "|p|"}}, {}, {"a": "An experiment."})
    assert text.startswith("Before.\n\n<!-- report: family F -->\n| command |")
    assert text.endswith("\n- `a`: A remark.\n<!-- /report -->\n\nAfter.\n")
    row = "| `make train EXP=a` | An experiment | 62 s on one core, 1,000 epochs | L_5 = -2.00 nats, ELBO -2.50 nats |"
    assert f"{row} 1 of 2 + 3 of 4 | \\|p\\| |\n" in text


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("family G", r"no family 'G': expected one of F"),
        ("experiments a b", r"asks for b: not in"),
        ("comparison a x", r"no run of 'a'.*comparison 'x'"),
        ("tables", r"no table 'tables': expected one of experiments, family"),
    ],
)
def test_a_table_that_there_is_none_of_is_told(mark, message):
    with pytest.raises(UsageError, match=message):
        report.fill(PAGE.replace("family F", mark), {"a": RUN}, {}, {"a": ""})


def test_a_score_line_is_put_after_the_command_and_replaced_there():
    once = with_score_line(SOURCE, LINE)
    assert once == f'"""An experiment.\n\nmake train EXP=a\n\n{LINE}\n"""\n\nfrom x import y\n'
    assert with_score_line(once, LINE) == once
    other = with_score_line(once, "Measured: nothing.")
    assert "62 s" not in other
    assert with_score_line(other, LINE) == once
    remark = once.replace('\n"""', '\n\nA remark.\n"""')
    assert with_score_line(remark, LINE) == remark
    long = with_score_line(remark, f"{LINE} {LINE}")
    assert with_score_line(long, LINE) == remark
    with pytest.raises(UsageError, match="no place for its score"):
        with_score_line('"""Nothing."""\n', LINE)


def test_a_score_line_says_what_is_known():
    assert words.score_line(RUN) == LINE
    assert words.score_line({"test_accuracy": 0.5, "score": ["test_accuracy"]}) == "Measured: 50.0% of test labels."
    run = {"test_elbo": -1.0, "score": ["test_elbo", "own"], "own": 2.0, "train_seconds": 1, "device": "H"}
    assert words.score_line(run) == "1 s of training on H; ELBO -1.00 nats, own 2."


def test_a_comparison_has_the_mean_of_the_seeds_and_the_difference_to_the_base():
    def with_seeds(*values):
        main, *others = (
            RUN | {"comparisons": ["x"], "test_log_likelihood": v, "seed": s} for s, v in enumerate(values)
        )
        return main | {"others": others}

    lines = tables.comparison_table("b", "x", {"a": with_seeds(-2.0, -4.0), "b": with_seeds(-5.0)}).split("\n")
    assert lines[2].endswith("| 1,000 | 0 | -2.50 | -5.00 | -5.00 |  |")
    assert lines[3].endswith("| 1,000 | 0, 1 | -2.50, -2.50 | -2.00, -4.00 | -3.00 | +2.00 |")


def test_enlargements_stand_beside_bicubic_interpolation_and_in_no_other_table():
    scores = {f"{s}_of_{n}": v for s, v in (("psnr", 19.0), ("ssim", 0.5)) for n in
              ("a_completion", "the_mean_completion", "bicubic")}  # fmt: skip
    one = RUN | scores | {"psnr_of_bicubic": 14.0, "log_likelihood_of_bicubic": 933.3, "command": "c"}
    runs = {"a": RUN | {"others": [one]}}
    assert tables.enlargements_table(runs).split("\n")[2:] == [
        "| `c` | 62 s on one core, 1,000 epochs | -2.0 (L_5) | 933.3 | 19.00 / 19.00 / 14.00 | 0.500 / 0.500 / 0.500 |"
    ]
    assert len(tables.others_table(runs).split("\n")) == 2


def test_labels_are_grouped_and_three_seeds_have_a_standard_error():
    others = [{"command": "c", "num_labels": 10, "test_accuracy": a, "seed": s} for s, a in ((2, 0.7), (1, 0.6))]
    others.append({"command": "d", "num_labels": 20, "test_accuracy": 0.8, "seed": 0})
    rows = tables.labels_table({"a": RUN | {"num_labels": 10, "test_accuracy": 0.5, "others": others}}).split("\n")[2:]
    assert rows[0] == "| `make train EXP=a` | 10 | 0, 1, 2 | 50.0%, 60.0%, 70.0% | 60.0% ± 5.8% |  |"
    assert rows[1] == "| `d` | 20 | 0 | 80.0% |  |  |"


def test_of_known_factors_each_seed_stands_and_their_mean():
    scores = lambda mig, seed: {"mig": mig, "factor_vae_score": 0.5, "dci_disentanglement": 0.25, "seed": seed}
    others = [{"command": "c"} | scores(0.3, 2), {"command": "c"} | scores(0.2, 1)]
    table = tables.factors_table({"a": RUN | scores(0.1, 0) | {"others": others}, "b": RUN | {"seed": 0}})
    assert table.split("\n")[2:] == [
        "| `make train EXP=a` | 0, 1, 2 | 0.100, 0.200, 0.300 | 0.200 ± 0.058 | 0.500, 0.500, 0.500 | 0.500 ± 0.000 "
        "| 0.250, 0.250, 0.250 | 0.250 ± 0.000 |"
    ]


def a_run(path, results, *flags):
    path.mkdir(exist_ok=True)
    save_config(override(default_config(), list(flags)), path / "config.json")
    (path / "dataset.json").write_text("{}")
    (path / "results.json").write_text(json.dumps(results))
    return path


def test_a_new_run_takes_the_place_of_the_one_before_and_keeps_what_is_by_hand(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "load_experiment", lambda name: default_config())
    _write(tmp_path, RUN | {"provenance": "README", "others": [{"seed": 1}], "published": "p"})
    results = {"experiment": "a", "test_elbo": -1.0, "versions": {"jax": "0"}, "source": "/home/me/data/mnist"}
    run = a_run(tmp_path / "run", results)
    found = json.loads(kept.keep(run, tmp_path).read_text())
    assert found == {
        "family": "F",
        "command": "make train EXP=a",
        "published": "p",
        "experiment": "a",
        "test_elbo": -1.0,
        "versions": {"jax": "0"},
        "source": "data/mnist",
        "others": [{"seed": 1}],
    }
    subset = {"experiment": "a", "dataset": "mnist (5,000-image subset)"}
    for other, flags, message in (
        (subset, (), r"was trained on mnist \(5,000"),
        (results, ("--config.seed=1", "--config.optimizer.learning_rate=2e-3"), r"has seed 1, optimizer.learning_rate"),
        (results | {"origin": {"run": "b"}}, (), "started from another run: expected one of make train EXP=a"),
    ):
        with pytest.raises(UsageError, match=message):
            kept.keep(a_run(run, other, *flags), tmp_path)
    assert json.loads((tmp_path / kept.RESULTS / "a.json").read_text()) == found
    with pytest.raises(UsageError, match="is not a run folder"):
        kept.keep(tmp_path / "none", tmp_path)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"experiment": "a", "command": "c"}, "has no 'family'"),
        (RUN | {"experiment": "b"}, "is of 'b': expected 'a'"),
    ],
)
def test_a_file_of_another_form_is_told(tmp_path, run, message):
    _write(tmp_path, run)
    with pytest.raises(UsageError, match=message):
        report.write_report(tmp_path)
    (tmp_path / kept.RESULTS / "a.json").write_text("{")
    with pytest.raises(UsageError, match="not a readable JSON file"):
        report.write_report(tmp_path)


def test_a_file_of_no_experiment_is_told(tmp_path):
    _write(tmp_path, RUN)
    (tmp_path / "experiments" / "a.py").unlink()
    with pytest.raises(UsageError, match=r"a\.json is of no experiment"):
        report.write_report(tmp_path)


def test_fields_by_hand_are_documented():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for field in kept.BY_HAND:
        assert f"`{field}`" in text, field


def test_no_number_of_a_run_stands_in_a_docstring_twice():
    for name in EXPERIMENTS:
        text = (ROOT / "experiments" / f"{name}.py").read_text().split('"""')[1]
        assert len(re.findall(r"L_\d+ = ", text)) <= 1, name


def _write(root, run):
    (root / kept.RESULTS).mkdir(parents=True, exist_ok=True)
    (root / "experiments").mkdir()
    (root / "README.md").write_text(PAGE)
    (root / "experiments" / "a.py").write_text(SOURCE)
    _write_json(root, run)


def _write_json(root, run):
    (root / kept.RESULTS / "a.json").write_text(json.dumps(run))


@pytest.mark.parametrize("text", ["[]", "{", json.dumps(RUN | {"experiment": "z", "test_elbo": "high"}), "\udcff"])
def test_broken_files_are_named_and_the_others_are_reported(tmp_path, text):
    _write(tmp_path, RUN)
    (tmp_path / kept.RESULTS / "studies").mkdir()
    for broken in ("z.json", "studies/s.json"):
        (tmp_path / kept.RESULTS / broken).write_text(text, errors="surrogateescape")
    with pytest.raises(UsageError, match=r"z\.json.*; .*s\.json") as error:
        report.write_report(tmp_path)
    assert "\n" not in str(error.value)
    assert "ELBO -2.50 nats" in (tmp_path / "experiments" / "a.py").read_text()
    assert "make train EXP=a" in (tmp_path / "README.md").read_text()


def test_a_run_names_no_file_but_its_experiment_s(tmp_path):
    with pytest.raises(UsageError, match=r"experiment is '../planted'"):
        kept.keep(a_run(tmp_path, {"experiment": "../planted"}), tmp_path)
