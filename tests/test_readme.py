"""The commands of README and docs can be run, and what they name exists; their code is run by test_examples.py."""

import importlib
import inspect
import os
import re
import shlex
import subprocess

import pytest

from tests.pages import PAGES, ROOT
from vaex.errors import UsageError
from vaex.runs.start import with_args

MAKEFILE = (ROOT / "Makefile").read_text()
OF_VAEX = re.search(r"^COMMANDS := (.*)$", MAKEFILE, flags=re.MULTILINE)[1].split()
TARGETS = [*OF_VAEX, *re.findall(r"^([a-z]+):", MAKEFILE, flags=re.MULTILINE)]


def commands(text):
    """The make commands of a page, indented or between backticks, each on one line and as it is written."""
    text = text.replace("\\\n", " ")  # a shell joins continued lines, within quotation marks too
    found = re.findall(r"^    (make [^\n]+)$|`(make [^`\n]+)`", text, flags=re.MULTILINE)
    return list(dict.fromkeys(" ".join((indented or inline).split()) for indented, inline in found))


def parse(command):
    """A make command -> its target, and its variables, ARGS split once more, as vaex does."""
    make, target, *rest = shlex.split(command, comments=True)
    assert make == "make"
    variables = dict(word.split("=", 1) for word in rest)
    variables["ARGS"] = with_args(["--args", variables.get("ARGS", "")])
    return target, variables


OWN = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}  # not make test's
COMMANDS = [(page, command) for page, text in sorted(PAGES.items()) for command in commands(text)]


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{page}: {command}" for page, command in COMMANDS])
def test_a_command_can_be_run(page, command):
    """Its target is there, and its config builds, from the words that make's own shell hands on."""
    from vaex.config import override
    from vaex.runs.experiments import about_studies, load_experiment

    target, variables = parse(command)
    assert target in TARGETS
    assert set(variables) <= {"EXP", "RUN", "RUNS", "INPUT", "NAME", "ARGS", "ACCEL", "EXTRAS"}
    if target == "figure":
        assert variables["NAME"] in about_studies()
    if "EXP" in variables:
        assert with_args(handed_on(command)) == [target, variables["EXP"], *variables["ARGS"]]
        override(load_experiment(variables["EXP"]), [word for word in variables["ARGS"] if "--config." in word])


TRAINING = [command for page, command in COMMANDS if page == "README.md" and "train EXP=" in command]


@pytest.mark.parametrize("command", TRAINING)
def test_a_training_of_readme_takes_a_step(command, monkeypatch):
    """On 200 images of noise and in batches of 8, traced."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from tests.one_step import untried
    from vaex import data
    from vaex.config import override
    from vaex.config.setup import setup
    from vaex.runs.experiments import load_experiment
    from vaex.train import train_step

    pixels = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1), np.uint8)
    split = data.Split(pixels, np.arange(200, dtype=np.int32) % 10)
    monkeypatch.setattr(data, "load", lambda name, **options: data.Dataset(name, name, "noise", split, split, split))
    _, variables = parse(command)
    config = override(load_experiment(variables["EXP"]), [*variables["ARGS"], "--config.train.batch_size=8"])
    with untried():
        made = setup(config)
    batch = jax.tree.map(lambda a: jnp.asarray(a[:8]), made.task.stored)
    state = jax.eval_shape(made.init)
    after, metrics = jax.eval_shape(lambda s: train_step(s, made.task.key, batch, recipe=made.recipe), state)
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)
    assert metrics["loss"].shape == ()


def handed_on(command):
    """What vaex would be called with: make prints its recipe, in which a shell says each word on a line of its own."""
    make = subprocess.run(
        command.replace("make", "make --dry-run", 1),
        shell=True,
        cwd=ROOT,
        env=OWN,
        capture_output=True,
        text=True,
        check=True,
    )
    recipe = next(line for line in make.stdout.splitlines() if "/vaex " in line).replace(".venv/bin/vaex", "show", 1)
    script = f"show() {{ printf '%s\\n' \"$@\"; }}\n{recipe}"
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()


def test_commands_are_read_as_a_shell_reads_them():
    text = (
        "Say `make lint`:\n\n"
        "    make train EXP=a ARGS=\"--x=1,2 \\\n        --y='((3, 4),)'\"   # it's a remark\n"
        "    python -m vaex train a\n\n`make train EXP=a ARGS=--z=b` and `make lint`.\n"
    )
    found = commands(text)
    assert len(found) == 3
    assert {"make lint", "make train EXP=a ARGS=--z=b"} < set(found)
    read = [parse(command) for command in found if "--x" in command]
    assert read == [("train", {"EXP": "a", "ARGS": ["--x=1,2", "--y=((3, 4),)"]})]
    assert parse('make train EXP=a ARGS="--config.y=((3, 4),) b"')[1]["ARGS"] == ["--config.y=((3, 4),)", "b"]


def test_make_installs_an_extra_from_its_own_lock_and_refuses_another():
    """Also where make itself runs the tests."""
    command = ["make", "--no-print-directory", "--dry-run", "setup"]
    make = lambda extras: subprocess.run(
        [*command, f"EXTRAS={extras}"], cwd=ROOT, env=OWN, capture_output=True, text=True
    )
    unknown, known = make("tfds tfsd"), make("tfds")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "EXTRAS is tfds tfsd: expected dist docs lint notebooks tfds" in unknown.stderr
    installed = (ROOT / ".venv/.extra-tfds").exists()
    assert ("-c requirements.lock -r requirements-tfds.lock" in known.stdout) != installed


@pytest.mark.parametrize(
    ("target", "variable"),
    [("train", "RUN"), ("train", "EXP"), ("sample", "RUN"), ("figure", "NAME"), ("compare", "RUNS")],
)
def test_make_hands_on_every_word_as_it_was_given_and_runs_nothing_in_it(tmp_path, target, variable):
    """Neither make nor the shell of its recipe."""
    mark = tmp_path / "ran"
    nasty = f"my 'runs' \"(a); touch {mark}; `touch {mark}` $(touch {mark}) $(shell touch {mark}) #, \\"
    for given in (nasty, f"x\ntouch {mark}"):
        words = handed_on(shlex.join(["make", target, f"{variable}={given}", f"ARGS={given}"]))
        assert words[-3:] == [given.replace("\n", " "), "--args", given.replace("\n", " ")]
    assert not mark.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("--config.a=(8, 4) --config.b=((1, 2),  3)", ["--config.a=(8, 4)", "--config.b=((1, 2), 3)"]),
        ("--runs 'my runs' $HOME `x`", ["--runs", "my runs", "$HOME", "`x`"]),
        ("--runs=~/a ~/b --config.data.name=~/c ~", ["--runs=/home/me/a", "/home/me/b", "--config.data.name=~/c", "~"]),
    ],
)
def test_args_are_split_as_by_a_shell_but_for_what_stands_between_brackets(monkeypatch, text, words):
    monkeypatch.setenv("HOME", "/home/me")
    assert with_args(["train", "a", "--args", text, "--debug"]) == ["train", "a", *words, "--debug"]
    with pytest.raises(UsageError, match="quotation marks go in pairs"):
        with_args(["--args", "it's"])


def test_readme_is_short():
    assert len(PAGES["README.md"].splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert ((ROOT / page).parent / link).exists(), link


def test_every_page_is_linked_from_readme_and_stands_in_the_site():
    site = re.findall(r"^[\w/]+$", PAGES["docs/index.md"], flags=re.MULTILINE)
    for page in PAGES.keys() - {"README.md", "CONTRIBUTING.md", "docs/index.md"}:
        assert f"]({page})" in PAGES["README.md"], page
        assert page.removeprefix("docs/").removesuffix(".md") in site, page


def test_every_name_in_the_table_of_equations_exists():
    names = re.findall(r"`((?:\w+\.)+\w+)(?:\(.*?\))?`", PAGES["docs/equations.md"])
    assert len(names) > 60
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(f"vaex.{module}"), attribute), name


@pytest.mark.parametrize("module", ["objectives", "inference", "inference.ais", "evaluate"])
def test_what_has_a_source_stands_in_the_table_of_equations(module):
    found = importlib.import_module(f"vaex.{module}")
    public = [name for name in getattr(found, "__all__", dir(found)) if not name.startswith("_")]
    functions = {name: getattr(found, name) for name in public if inspect.isfunction(getattr(found, name))}
    sourced = [name for name, function in functions.items() if "Source:" in (function.__doc__ or "")]
    assert len(sourced) > 2
    for name in sourced:
        assert re.search(rf"\.{name}\b", PAGES["docs/equations.md"]), name
