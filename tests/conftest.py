"""Shapes and types are checked at run time in every test, and no test reaches a network or the user's caches."""

import gc
import importlib
import os
import shutil
import tempfile
import typing
from importlib.metadata import version

_CACHE = tempfile.mkdtemp(prefix="vaex-tests-")
os.environ["VAEX_CACHE_DIR"] = _CACHE
os.environ["TFDS_DATA_DIR"] = os.path.join(_CACHE, "tfds")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", os.path.expanduser("~/.cache/vaex/jax-tests"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")  # the small ones are the same in every file
os.environ.pop("VAEX_DATA_DIR", None)
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "float32")  # a GPU rounds the factors to 10 bits without it
# Most of the tests' time is compilation; so compiled, programs take a third of it, and few run long enough to mind.
_QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
_EMITTERS = " --xla_cpu_use_fusion_emitters=false" if version("jaxlib").startswith("0.10.") else ""  # a flag of 0.10
_WHOLE = " --xla_cpu_parallel_codegen_split_count=1"  # LLVM has one module of a program, not 32
_DEVICES = " --xla_force_host_platform_device_count=4"  # for what is split over several
os.environ.setdefault("JAX_INCLUDE_FULL_TRACEBACKS_IN_LOCATIONS", "0")  # to write them takes an eighth of the time
os.environ.setdefault("XLA_FLAGS", f"{_QUICK}{_EMITTERS}{_WHOLE}{_DEVICES}")

from jaxtyping import install_import_hook  # noqa: E402

import tests.type_checker  # noqa: F401, E402

CHECKED = [
    "losses",
    "bounds",
    "model",
    "distributions",
    "networks",
    "models",
    "objectives",
    "inference",
    "data",
    "train",
    "evaluate",
    "figures",
]

# The hook stays, so that whatever a test imports is checked, and one test imports no more than it needs.
install_import_hook([f"vaex.{name}" for name in CHECKED], "tests.type_checker.checked")

import jax  # noqa: E402

import vaex  # noqa: F401, E402

# These two import their annotations only for type checkers, so as to need nothing but jax.
typing.TYPE_CHECKING = True
for name in ("losses", "bounds"):
    importlib.import_module(f"vaex.{name}")
typing.TYPE_CHECKING = False

import pytest  # noqa: E402

from vaex.data.sources import find, published  # noqa: E402


def pytest_collection_modifyitems(config, items):
    """In double precision what is marked exact runs: other tests have the digits of float32 in what they expect."""
    if jax.config.jax_enable_x64:
        left_out = [item for item in items if item.get_closest_marker("exact") is None]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item.get_closest_marker("exact") is not None]


def pytest_collection_finish(session):
    """What is imported and collected stays: no collection of garbage looks through it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)  # tracing makes much that goes by itself: seldom is a twentieth of the time less


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    for module in (find, published):
        monkeypatch.setattr(module, "answering", lambda urls, seconds: [])


@pytest.fixture(autouse=True, scope="module")
def _programs_of_one_file():
    """What a file has compiled goes with it: thousands of programs are gigabytes."""
    yield
    jax.clear_caches()


@pytest.fixture
def no_results(monkeypatch):
    """A run ends with its last checkpoint."""
    from vaex.runs import results

    monkeypatch.setattr(results, "write", lambda *args, **options: None)


@pytest.fixture
def no_pictures(monkeypatch):
    """Results are numbers alone: without figures and the live page, which cost more than these."""
    from vaex.runs import moving, results
    from vaex.runs.page import explorer

    for drawing in (results, moving):
        monkeypatch.setattr(drawing, "draw", lambda *args: None)
    monkeypatch.setattr(explorer, "explorer", lambda trial: "")


@pytest.fixture
def few_pictures(monkeypatch):
    """A function of names: of what is drawn of a model there are these figures alone, and no live page."""
    from vaex.runs import moving, results
    from vaex.runs.page import explorer

    def leave(*left):
        draw = results.draw
        few = lambda names: tuple(name for name in names if name in left)
        monkeypatch.setattr(results, "draw", lambda path, key, names, *rest: draw(path, key, few(names), *rest))
        monkeypatch.setattr(moving, "draw", lambda *args: None)
        monkeypatch.setattr(explorer, "explorer", lambda trial: "")

    return leave


@pytest.fixture(scope="session")
def saved_run(tmp_path_factory):
    """A run of digits that is half done, as training leaves it, but untrained: its best checkpoint 1, its newest 2."""
    from vaex.config import override, save_config
    from vaex.config.setup import setup
    from vaex.runs import checkpoints, commands, folder
    from vaex.runs.experiments import load_experiment
    from vaex.train.loop import Progress

    run = tmp_path_factory.mktemp("saved") / "run"
    run.mkdir()
    small = ["model.latent_dim=2", "model.network.encoder_hidden=4", "model.network.decoder_hidden=4"]
    flags = [*small, "evaluate.num_samples=2", "train.num_epochs=3"]
    config = override(load_experiment("digits"), [f"--config.{flag}" for flag in flags])
    made = setup(config)
    save_config(config, run / folder.CONFIG)
    folder.write_json(run / folder.DATASET, commands.describe(made.task, "digits"))
    state = made.init()
    with folder.metrics_writer(run, epoch=0) as write:
        for epoch, elbo in ((1, -30.0), (2, -40.0)):
            progress = Progress(epoch, best=-30.0, stale=epoch - 1)._asdict()
            now = state._replace(params=jax.tree.map(lambda a, by=epoch: a + by, state.params))
            checkpoints.save(run, epoch, now, progress, selected=elbo)
            write({"epoch": epoch, "elbo": elbo, "kl": 1.0, "loss": -elbo, "seconds": 1.0})
    with folder.locked(run):
        folder.write_json(run / folder.RESULTS, {"experiment": "digits", "dataset": "digits"})
    return run


@pytest.fixture
def run(saved_run, tmp_path):
    """A copy to damage."""
    return shutil.copytree(saved_run, tmp_path / "run")


@pytest.fixture(scope="session")
def chromium():
    """A browser, where there is one."""
    from tests import browser

    driver = browser.start()
    yield driver
    driver.quit()
