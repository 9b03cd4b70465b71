"""What a log without a terminal says, and when; the clock is what a row says."""

import pytest

from tests.refusal import refusal
from vaex.__main__ import main
from vaex.runs import console
from vaex.runs.create import create_run
from vaex.runs.pace import pace


def lines(num_epochs, seconds_each, *, done=0, validated=()):
    """The epochs that have a line."""
    turn = pace(num_epochs, done, 0.0)
    epochs = range(done + 1, num_epochs + 1)
    return [e for e in epochs if turn(e, (e - done) * seconds_each, e in validated)[0]]


def test_a_line_lies_30_s_and_a_twentieth_of_the_run_after_the_last():
    assert lines(100, 1.0) == [1, 31, 61, 91]  # 30 s is the later of the two
    assert lines(100, 10.0) == list(range(1, 100, 5))  # 5 epochs are
    assert lines(4, 60.0) == [1, 2, 3, 4]  # an epoch is
    assert lines(100, 1.0, done=60) == [61, 91]
    assert lines(100, 1.0, validated=(20,)) == [1, 20, 50, 80]


def test_the_time_left_is_that_of_the_epochs_of_this_process():
    assert pace(100, 0, 5.0)(10, 25.0, False) == (True, "0:03:00")
    assert pace(100, 60, 5.0)(80, 25.0, False) == (True, "0:00:20")


def test_a_log_without_a_terminal(capsys):
    with console.compiling("an epoch of 3 steps"):
        assert capsys.readouterr().out == "compiling an epoch of 3 steps\n"
    with console.training(4, 0, 0.0, 1000) as show:
        for epoch, more in enumerate([{}, {}, {"validation_elbo": -9.0}, {}], start=1):
            show({"epoch": epoch, "loss": 10.0, "seconds": 4.0 * epoch, "epoch_seconds": 4.0, **more})
    compiled, *found = capsys.readouterr().out.splitlines()
    assert compiled.startswith("compiled in ")
    assert found == [
        "epoch 1/4  loss 10.00  250 examples/s  4.0 s  ETA 0:00:12",
        "epoch 3/4  loss 10.00  validation ELBO -9.00  250 examples/s  12.0 s  ETA 0:00:04",
        "epoch 4/4  loss 10.00  250 examples/s  16.0 s",
    ]


def test_evaluation_says_how_far_it_is(monkeypatch, capsys):
    times = iter([0.0, 20.0, 40.0, 60.0])
    monkeypatch.setattr(console.time, "perf_counter", lambda: next(times))
    with console.evaluating(3000, 5) as advance:
        for _ in range(3):
            advance(1000)
    assert capsys.readouterr().out.splitlines()[1:] == ["evaluated 2,000 of 3,000  ETA 0:00:20"]


def test_nothing_of_the_summary_is_cut(capsys):
    long = "/".join(["a_folder_with_a_name"] * 10)
    results = {"experiment": "e", "dataset": "d", "is_likelihood": True, "num_epochs": 1, "train_seconds": 1.0}
    results |= {"examples_per_second": 1, "best_epoch": 1, "evaluate_seconds": 1.0}
    console.summary(results, long, {})  # of a kind of model that reports neither a bound nor a reconstruction
    results |= {
        "bound_on_log_px": "none",
        "test_log_px_z": 1.0,
        "test_log_px_z_standard_error": 1.0,
        "test_squared_error": 1.0,
    }
    console.summary(results, long, {"mine": long})
    out = capsys.readouterr().out
    assert "…" not in out
    assert long in out.splitlines()[-1]


@pytest.mark.parametrize("name", ["", "a/b", "two words", "ü", "a" * 101, "a\n"])
def test_a_name_that_no_folder_of_a_run_has(tmp_path, name):
    line, _ = refusal(lambda: create_run(tmp_path, "digits", name=name))
    assert "expected 1 to 100 letters" in str(line)
    assert not list(tmp_path.iterdir())


def test_a_run_with_a_name(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("time.strftime", lambda form: "TIME")
    names = [create_run(tmp_path, "digits", name=name).name for name in ("wide", "wide", None)]
    assert names == ["TIME_wide", "TIME_wide_2", "TIME"]
    assert main(["train", "--run", str(tmp_path), "--name=wide"]) == 2
    assert "leave out --name" in capsys.readouterr().err
    assert main(["train", "digits", "--runs", str(tmp_path), "--name=a/b"]) == 2
    assert "--name is 'a/b': expected" in capsys.readouterr().err
