"""A machine that has no room, no device, no reader and no patience: one line, nothing half-written, a way to go on."""

import concurrent.futures
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from vaex.__main__ import main
from vaex.config import override
from vaex.config.setup import setup
from vaex.errors import UsageError, WriteError
from vaex.files import replaced
from vaex.runs import checkpoints, folder, process, results, training
from vaex.runs.create import create_run
from vaex.runs.experiments import load_experiment
from vaex.runs.reports import report
from vaex.train import TrainState
from vaex.train.board import Board
from vaex.train.loggers import LOGGERS, loggers


@contextlib.contextmanager
def room(num_bytes):
    """No file may grow beyond so much; the interpreter ignores the signal, so that a write fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def left(path):
    """What a write that failed must not leave."""
    return [p for p in path.rglob("*") if "tmp" in p.name]


def test_a_file_is_written_whole_or_not_at_all_and_by_no_link(tmp_path):
    (tmp_path / "other").write_text("another's")
    (tmp_path / "file").symlink_to(tmp_path / "other")
    with replaced(tmp_path / "file") as file:
        file.write(b"one")
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "other").read_text() == "another's"
    mask = os.umask(0o022)
    os.umask(mask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~mask
    with room(1000), pytest.raises(WriteError, match=r"cannot write .*file: File too large"):  # noqa: SIM117
        with replaced(tmp_path / "file") as file:
            file.write(bytes(2000))
    with pytest.raises(KeyboardInterrupt), replaced(tmp_path / "file"):
        raise KeyboardInterrupt
    assert (tmp_path / "file").read_text() == "one"
    with pytest.raises(WriteError, match="cannot write"), replaced(tmp_path / "file" / "below"):
        pass
    assert not left(tmp_path)


def test_without_room_for_its_first_files_no_run_folder_is_made(tmp_path):
    write = lambda path: folder.write_json(path, "x" * 500)
    first = create_run(tmp_path, "digits", {"config.json": write})
    with room(100), pytest.raises(UsageError, match="File too large; no run folder was made: make room") as caught:
        create_run(tmp_path, "digits", {"config.json": write})
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "digits").iterdir()) == [first]
    assert (tmp_path / "latest").resolve() == first


def test_without_room_for_a_row_the_rows_before_are_whole(tmp_path):
    with folder.metrics_writer(tmp_path, epoch=0) as write:
        train = lambda: [write({"epoch": epoch, "loss": 1.0}) for epoch in range(1, 10_000)]
        with room(3000), pytest.raises(WriteError, match="cannot write"):
            train()
    kept = folder.read_metrics(tmp_path)
    assert [row["epoch"] for row in kept] == list(range(1, len(kept) + 1))
    with room(20), pytest.raises(WriteError), folder.metrics_writer(tmp_path, epoch=5):
        pass
    assert folder.read_metrics(tmp_path) == kept
    assert not left(tmp_path)


def test_tensorboard_reads_what_is_written_for_it(tmp_path):
    from tensorboardX.proto.event_pb2 import Event

    board = Board(tmp_path / "board", first=3)
    board.add({"loss": 2.5, "validation_elbo": -1.0}, epoch=3)
    raw, events = next((tmp_path / "board").iterdir()).read_bytes(), []
    while raw:
        length = int.from_bytes(raw[:8], "little")  # then four bytes of a checksum, the event, and four more
        events.append(Event.FromString(raw[12 : 12 + length]))
        raw = raw[16 + length :]
    assert events[0].file_version == "brain.Event:2"
    assert events[1].step == 3
    found = {value.tag: value.simple_value for event in events for value in event.summary.value}
    assert found == {"loss": 2.5, "validation_elbo": -1.0}


def test_rows_go_to_the_loggers_that_a_config_names(tmp_path, monkeypatch):
    """Each is called once, with the folder and the config, when there is a first row."""
    made, rows = [], []
    monkeypatch.setitem(LOGGERS, "mine", lambda folder, config: made.append((folder, config["seed"])) or rows.append)
    folder.write_json(tmp_path / folder.CONFIG, {"seed": 7})
    named = loggers("tensorboard, mine")
    assert named == [LOGGERS["tensorboard"], LOGGERS["mine"]]
    with folder.metrics_writer(tmp_path, epoch=0, to=named) as write:
        assert not made
        for epoch in (1, 2):
            write({"epoch": epoch, "loss": 2.5, "validation_kl_per_layer": [1.0, 2.0]})
    assert made == [(tmp_path, 7)]
    assert rows == folder.read_metrics(tmp_path)
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1
    assert loggers("") == []
    with pytest.raises(UsageError, match=r"train\.loggers is 'wandb': expected one of tensorboard, mine"):
        setup(override(load_experiment("digits"), ["--config.train.loggers=wandb"]))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of tensorstore's threads
@pytest.mark.parametrize("is_foreseen", [True, False])
def test_without_room_for_a_checkpoint_the_one_before_stays(tmp_path, monkeypatch, is_foreseen):
    """Also where it is only found out while orbax writes."""
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    state = TrainState({"w": np.arange(50_000.0)}, (), np.array(0), None)
    checkpoints.save(tmp_path, 1, state, {"epoch": 1}, selected=0.0)
    if not is_foreseen:
        monkeypatch.setattr(checkpoints, "reserve", lambda folder, num_bytes: None)
    with room(20_000), pytest.raises(WriteError, match=r"cannot write .*checkpoints") as caught:
        checkpoints.save(tmp_path, 2, state, {"epoch": 2}, selected=1.0)
    assert "\n" not in str(caught.value)
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["1"]
    assert checkpoints.read_progress(tmp_path)["epoch"] == 1


def test_what_a_thread_writes_on_after_the_failure_goes_too(tmp_path, monkeypatch):
    remove, removed = shutil.rmtree, []

    def remove_and_write_on(half, **options):
        remove(half, **options)
        if not removed:
            half.mkdir()
        removed.append(half)

    monkeypatch.setattr(shutil, "rmtree", remove_and_write_on)
    half = tmp_path / "2.orbax-checkpoint-tmp"
    half.mkdir()
    with pytest.raises(WriteError), checkpoints._writing(tmp_path, TrainState({}, (), np.array(0), None)):
        raise ValueError("no room")
    assert removed == [half, half]
    assert not half.exists()


def test_training_without_room_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def without_room(state, progress, loop, plan):
        with room(20_000):
            checkpoints.save((tmp_path / "latest").resolve(), 1, state, progress._asdict(), selected=0.0)

    monkeypatch.setattr(training, "_loop", lambda *args: None)  # nothing is compiled
    monkeypatch.setattr(training, "fit", without_room)
    flags = ["--config.train.num_epochs=1", "--config.model.latent_dim=2", "--config.data.num_validation=20"]
    assert main(["train", "digits", "--runs", str(tmp_path), *flags]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    run = (tmp_path / "latest").resolve()
    assert f"its config is whole: make room there, then carry on with: make train RUN={folder.shown(run)}" in err
    assert not left(tmp_path)


def test_without_room_for_a_page_it_stays_as_it_was(tmp_path, monkeypatch):
    page = tmp_path / "README.md"
    page.write_text("before")
    monkeypatch.setattr(report, "_report", lambda root: ({page: "after" * 100}, []))
    with room(100), pytest.raises(UsageError, match="every file is whole, before or after: make room there"):
        report.write_report(tmp_path)
    assert page.read_text() == "before"


def test_runs_that_start_in_one_second_each_have_a_folder(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: create_run(tmp_path, "digits"), range(130)))
    assert len(set(made)) == 130
    assert (tmp_path / "latest").resolve() in made


def ended(arguments, *, code="from vaex.__main__ import run; run()", **options):
    options = {"stdout": subprocess.PIPE, "env": os.environ | options.pop("env", {})} | options
    done = subprocess.run([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, **options)
    return done.returncode, done.stderr.decode()


def test_a_device_that_is_not_there():
    code, err = ended(["evaluate", "nowhere"], env={"JAX_PLATFORMS": "cuda"})
    assert code == 2
    assert err.startswith("vaex: JAX_PLATFORMS is 'cuda', and jax finds no device")
    assert err.count("\n") == 1


def test_nobody_takes_what_is_printed(tmp_path):
    with open("/dev/full", "w") as full:
        assert ended(["--help"], stdout=full) == (1, "vaex: cannot write to standard output: No space left on device\n")
    reader, writer = os.pipe()
    os.close(reader)
    assert ended(["--help"], stdout=writer) == (1, "")
    os.close(writer)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "own.py").write_text('"""Naïve ± Bayes."""\n', encoding="utf-8")
    ascii_only = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONPATH": os.pathsep.join(sys.path)}
    assert ended(["--help"], cwd=tmp_path, env=ascii_only) == (0, "")


SWALLOWED = """
import time
from vaex.runs.process import run
def main():
    print("ready", flush=True)
    while True:
        try: time.sleep(60)
        except KeyboardInterrupt: pass
run(main)
"""
IMPORTING = """
from vaex.runs.process import run
def main():
    import slow
run(main)
"""
UNWINDING = """
import time
from vaex.runs.process import complain, run
def main():
    print("ready", flush=True)
    try: time.sleep(60)
    except KeyboardInterrupt: complain("interrupted")
    return 130
run(main)
"""


@pytest.mark.parametrize("script", [SWALLOWED, IMPORTING, UNWINDING], ids=["swallowed", "importing", "unwinding"])
def test_an_interrupt_ends_the_process_with_one_line(tmp_path, script):
    slow = "import time\nprint('ready', flush=True)\ntry: time.sleep(60)\nexcept BaseException: raise ImportError\n"
    (tmp_path / "slow.py").write_text(slow)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
    )
    process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"vaex: interrupted\n")


TERMINATED = """
import hashlib
from pathlib import Path
from vaex.files import replaced
from vaex.runs.process import run
def main():
    with replaced(Path("cached.npz")):
        print("ready", flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # minutes in C, where Python runs no handler
run(main)
"""


def test_a_process_that_is_terminated_leaves_nothing_half_written(tmp_path):
    """At once, whatever is computed."""
    process = subprocess.Popen(
        [sys.executable, "-c", TERMINATED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (143, b"vaex: interrupted\n")
    assert not list(tmp_path.iterdir())


def test_no_file_takes_the_place_of_a_stream_that_is_closed(tmp_path):
    """Else what is printed would be written into it."""
    script = "from vaex.runs.process import run; run(lambda: open('opened', 'w').fileno())"
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" <&- 2>&-', sys.executable, script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode > 2


def test_a_folder_that_is_gone_and_one_whose_name_has_a_space(tmp_path, monkeypatch, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    assert folder.as_run(gone / "my run") == "RUN='my run'"
    gone.rmdir()
    assert folder.shown(gone / "run") == str(gone / "run")
    monkeypatch.setattr("vaex.__main__._parse", lambda argv: os.getcwd())  # as whatever asks where that is
    assert main([]) == 2
    assert "the folder that this is called in is gone" in capsys.readouterr().err


def test_an_interrupt_of_an_evaluation_says_how_to_go_on(run, capsys, monkeypatch):
    """By hand or while it leaves at once; an error within leaves nothing to be said of a later one."""

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(results, "write", interrupt)
    assert main(["evaluate", str(run)]) == 130
    assert capsys.readouterr().err.endswith(
        f"interrupted; the checkpoints are whole; again with: make evaluate RUN={run}\n"
    )
    with pytest.raises(ValueError), process.interruptible("go on"):
        raise ValueError
    assert process.interrupted() == "interrupted"
    with pytest.raises(KeyboardInterrupt), process.interruptible("go on"):
        interrupt()
    assert process.interrupted() == "interrupted; go on"
