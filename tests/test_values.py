"""Values that cannot be: every number of every table, by the table, and what is refused before a run folder is made."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from vaex.__main__ import main
from vaex.choices import supply
from vaex.config.root import ROOT
from vaex.config.section import bind, section
from vaex.distributions.labelled import Pair
from vaex.errors import OptionError, UsageError, check_finite, check_fraction, check_positive, check_whole
from vaex.model import Model
from vaex.models import Source
from vaex.models.columns import Column
from vaex.models.posterior_table import diagonal
from vaex.models.priors import fitted_normal_mixture
from vaex.models.scales import check_learned
from vaex.train import OPTIMIZERS, check_options

NORMAL = dist.Normal(jnp.zeros(2), 1.0).to_event(1)
SOURCE = Source((8, 8, 1), np.zeros((9, 8, 8, 1), np.uint8), num_classes=3)
CONTEXT = {"source": SOURCE, "posterior": diagonal(2), "x_shape": (8, 8, 1), "num_train": 9, "num_labels": 3}
CONTEXT |= {"end": 1.0, "peak": 1.0, "num_steps": 9, "columns": (Column("x", "real"), Column("y", "positive"))}
X = jnp.zeros(2)
POSITIONAL = {"key": jax.random.key(0), "model": Model(NORMAL, lambda x: NORMAL, lambda z: NORMAL), "x": X}
POSITIONAL |= {"batch": jnp.zeros((2, 2)), "latent_dim": 2, "source": SOURCE, "pair": Pair(X, X, X)}
REQUIRED = {int: 2, float: 0.5, tuple: (2, 2), str: "relu"}  # a value for what has no default, by its type
USUAL = {"learning_rate": 1e-3, "between_hidden": ((2,),)}  # or by its name
SIGNED = ("alpha of renyi", "alpha of info", "start of linear", "start of cyclical")  # which may be below 0


def tables(choices, seen):
    """Every table below one."""
    if id(choices) not in seen:
        seen[id(choices)] = choices
        for name in choices:
            for field in choices.fields(name).values():
                if field.choices is not None:
                    tables(field.choices, seen)
    return list(seen.values())


def numbers():
    """Every entry that has an option that is a number, or a tuple of them, and these options."""
    for choices in tables(ROOT, {}):
        for name in choices:
            fields = [f for f in choices.fields(name).values() if f.type in (int, float, tuple) and f.choices is None]
            if fields:
                yield pytest.param(choices, name, fields, id=f"{choices.what} {name}")


def absurd(name, field):
    """What no option of this type may be."""
    if field.type is tuple:
        return [(2, np.nan) if name == "muon" else (2, -1)]
    of = f"{field.name} of {name}"
    return [-1] if field.type is int else [np.nan, np.inf, -np.inf] + ([-1.0] if of not in SIGNED else [])


def call(choices, name, field, value):
    """The entry with this value of this option, and values that can be of those without a default."""
    fields = [f for f in choices.fields(name).values() if f.type in REQUIRED]
    options = {f.name: USUAL.get(f.name, REQUIRED[f.type]) for f in fields if f.is_required or f.name in USUAL}
    options |= {field.name: value}
    if choices is OPTIMIZERS:
        return check_options(section(choices, name, **options).to_dict())
    function = choices[name]
    needed = [p for p in inspect.signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    names = ["pair" if p.annotation is Pair else p.name for p in needed if not inspect.isclass(function)]
    context = {key: value for key, value in CONTEXT.items() if key in choices.context or key == "end"}
    entry = bind(choices, section(choices, name, **options))
    return jax.eval_shape(lambda: supply(entry, *map(POSITIONAL.get, names), **context))


@pytest.mark.parametrize(("choices", "name", "fields"), list(numbers()))
def test_no_number_of_any_table_is_absurd(choices, name, fields):
    for field in fields:
        for value in absurd(name, field):
            with pytest.raises(UsageError, match=rf"\b{field.name} is") as info:
                call(choices, name, field, value)
            assert "\n" not in str(info.value)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), (1, 2, np.int32(3)), None])
def test_whole_numbers_are_pythons_and_numpys(value):
    check_whole(3 if value == 3 else 1, option=value)


@pytest.mark.parametrize("value", [True, np.True_, 3.0, np.float32(3), "3", (1, 2.0), np.int64(0), np.nan])
def test_what_is_no_whole_number(value):
    with pytest.raises(OptionError, match=r"option is .*: expected .*whole number"):
        check_whole(option=value)


def test_what_32_bits_do_not_hold_is_told():
    with pytest.raises(OptionError, match=r"^a is 2147483648: expected a whole number from 1 to 2147483647$"):
        check_whole(a=2**31)
    with pytest.raises(OptionError, match=r"^a is 0: expected a whole number of at least 1$"):
        check_whole(a=0)
    check_whole(2, 2**40, a=2**31)
    for wrong in (1e39, -1e39, 10**400, np.float64(1e300)):
        with pytest.raises(OptionError, match=r"^a is .*: expected a finite number; 32 bits hold numbers from 1.2e-38"):
            check_finite(a=wrong)
    for wrong in (1e39, 1e-46, 10**400):
        with pytest.raises(OptionError, match=r"^a is .*: expected a number above 0; 32 bits hold numbers"):
            check_positive(a=wrong)
    for wrong in (1e-46, 0.9999999999):
        with pytest.raises(
            OptionError, match=r"^a is .*: expected a number above 0 and below 1; to 32 bits it is 0 or"
        ):
            check_fraction(a=wrong)
    largest, least = np.finfo(np.float32).max, np.finfo(np.float32).tiny
    check_finite(a=(largest, -largest, 1e-46))
    check_positive(a=(largest, least))
    check_fraction(a=(least, np.nextafter(np.float32(1), np.float32(0))))


def test_ranges_are_told():
    with pytest.raises(OptionError, match=r"^a is 3: expected a whole number from 0 to 2$"):
        check_whole(0, 2, a=3)
    for wrong in (np.nan, np.inf, np.float32(np.nan), jnp.array(np.nan), np.array([1, np.inf])):
        with pytest.raises(OptionError, match=r"^a is .*: expected a finite number$"):
            check_finite(a=wrong)
        with pytest.raises(OptionError, match=r"^a is .*: expected a number above 0$"):
            check_positive(a=wrong)
    with pytest.raises(OptionError, match=r"^a is 2.0: expected a finite number of at most 1$"):
        check_finite(most=1, a=2.0)
    below = jnp.array(-1.0)
    for use in (lambda: check_finite(0, a=below), lambda: jax.eval_shape(lambda: check_finite(0, a=below))):
        with pytest.raises(OptionError, match=r"^a is -1.0: expected a finite number of at least 0"):
            use()
    with pytest.raises(OptionError, match=r"^sigma is 0.5: expected at least 2, twice min_sigma"):
        check_learned(jnp.array(0.5), 1.0)
    check_finite(0, a=jnp.array(0.0), b=np.zeros(2), c=(0, jnp.zeros(())))
    jax.jit(lambda a: check_finite(0, a=a))(jnp.nan)  # which nobody can know when it is traced


@pytest.mark.parametrize("seed", [-1, 2**32, 2**63, 2**70, True])
def test_a_seed_is_one_run_or_refused(seed):
    """Keys are made of 32 bits: any more, and two seeds would be one run."""
    told = r"^seed is .*: expected a whole number from 0 to 4294967295$"
    for use in (
        lambda: ROOT[""](seed=seed),
        lambda: fitted_normal_mixture(jnp.zeros((4, 2)), 2, seed=seed),
    ):
        with pytest.raises(OptionError, match=told):
            use()


def test_the_largest_seed_has_a_key_of_its_own():
    keys = {tuple(np.asarray(jax.random.key_data(jax.random.key(seed))).tolist()) for seed in (0, 1, 2**31, 2**32 - 1)}
    assert len(keys) == 4


REFUSED = [
    ("seed=4294967296", "seed is 4294967296: expected a whole number from 0"),
    ("seed=-1", "seed is -1: expected"),
    ("objective.beta=nan", "objective.beta is nan: expected a finite number of at least 0"),
    ("objective.name=free_bits objective.nats=-1", "objective.nats is -1.0: expected"),
    ("objective.name=info objective.strength=inf", "objective.strength is inf: expected"),
    ("objective.name=info objective.alpha=0.2 objective.strength=0.5", "objective.strength is 0.5: expected at least"),
    (
        "schedule.name=linear schedule.option=beta schedule.steps=5 schedule.start=-1",
        "schedule.start is -1.0: expected",
    ),
    ("objective.num_samples=100000000000000000000", "expected a whole number from 1 to 2147483647"),
    ("schedule.name=linear schedule.option=beta schedule.steps=3000000000", "schedule.steps is 3000000000: expected a"),
    ("model.latent_dim=3000000000", "model.latent_dim is 3000000000: expected a whole number from 1 to 2147483647"),
    ("data.image_size=20000", "data.image_size is 20000: expected a whole number from 1 to 16384"),
    ("objective.beta=1e39", "objective.beta is 1e+39: expected a finite number of at least 0; 32 bits hold numbers"),
    ("optimizer.learning_rate=1e39", "optimizer.learning_rate is 1e+39: expected a number above 0; 32 bits hold"),
    ("optimizer.b1=1.0", "optimizer.b1 is 1.0: expected 0 or more, and less than 1"),
    ("optimizer.name=adafactor optimizer.learning_rate=none", "optimizer.learning_rate is not set: expected"),
    ("data.name=two_channels", "with C = 2 channels: expected 1, 3 or 4"),
    ("data.name=channels_first", "axis 1 looks like the channels"),
]


@pytest.mark.parametrize(("flags", "message"), REFUSED)
def test_it_is_told_before_a_run_folder_is_made(capsys, tmp_path, flags, message):
    levels = np.arange(50 * 6 * 16 * 2, dtype=np.uint8)
    np.savez(tmp_path / "two_channels.npz", images=levels.reshape(50, 6, 16, 2))
    np.savez(tmp_path / "channels_first.npz", images=levels.reshape(50, 3, 4, 16))
    runs = tmp_path / "runs"
    given = [f"--config.{flag}" for flag in flags.split()]
    assert main(["train", "digits", "--runs", str(runs), f"--config.data.dir={tmp_path}", *given]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not runs.exists()
