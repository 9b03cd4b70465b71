"""The members of a sweep: every combination of the values that --sweep.FIELD=VALUES names."""

import itertools
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vaex.config.override import override
from vaex.config.program import Program, program
from vaex.config.root import ROOT
from vaex.config.section import Config, call, field_at, get
from vaex.config.setup import setup
from vaex.data import Dataset
from vaex.errors import UsageError

_PREFIX = "--sweep."
_SEED = "seed"


class Member(NamedTuple):
    """One run of a sweep."""

    said: Mapping[str, str]  # the value of each swept field, as a flag has it
    config: Config

    @property
    def name(self) -> str:
        """Of its folder."""
        text = "_".join(f"{path.rpartition('.')[2]}={value}" for path, value in self.said.items())
        plain = re.sub(r"[^A-Za-z0-9._=,+-]", "-", text)[:100]
        return plain if plain == text else f"{plain}_{zlib.crc32(text.encode()):08x}"


class Group(NamedTuple):
    """Members that one program trains."""

    members: list[Member]
    numbers: tuple[str, ...]  # the fields in which they differ besides the seed
    program: Program


def split_flags(flags: list[str]) -> tuple[dict[str, str], list[str]]:
    """The fields of a sweep with what is said of their values, and all other flags.

    Raises:
        UsageError: a field without values, one that is swept twice, or set besides.
    """
    swept: dict[str, str] = {}
    others = [flag for flag in flags if not flag.startswith(_PREFIX)]
    for flag in flags:
        if flag.startswith(_PREFIX):
            path, equals, text = flag.removeprefix(_PREFIX).partition("=")
            if not equals or not text:
                raise UsageError(f"{flag} names no values: expected --sweep.FIELD=VALUE,VALUE or --sweep.FIELD=0:8")
            if path in swept or any(other.partition("=")[0] == f"--config.{path}" for other in others):
                raise UsageError(f"--sweep.{path} is of a field that another flag sets: name it once")
            swept[path] = text
    return swept, others


def values_of(path: str, text: str) -> list[str]:
    """The values that are said of a field: between commas outside of brackets, or all of a range of whole numbers.

    Raises:
        UsageError: an empty range, no value between two commas, or one twice.
    """
    if found := re.fullmatch(r"(-?\d+):(-?\d+)", text):
        first, end = map(int, found.groups())
        if first >= end:
            raise UsageError(f"--sweep.{path} is {text}, an empty range: expected the first and one beyond the last")
        return [str(value) for value in range(first, end)]
    depth, values = 0, [""]
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            values.append("")
        else:
            values[-1] += letter
    values = [value.strip() for value in values]
    if "" in values or len(set(values)) < len(values):
        what = "has no value between two commas" if "" in values else "names a value twice"
        raise UsageError(f"--sweep.{path} is {text}, which {what}: expected different values, such as 1e-3,3e-3")
    return values


def members(config: Config, swept: Mapping[str, str], *, log: Callable[[str], None] = print) -> list[Member]:
    """Every combination.

    Args:
        config: what all have in common.
        swept: by each field what is said of its values.
        log: told what a swap of sections drops.

    Raises:
        UsageError: an unknown field, or a value that it cannot have.
    """
    told: set[str] = set()
    once = lambda line: None if line in told else (told.add(line), log(line))
    each = [[(path, value) for value in values_of(path, text)] for path, text in swept.items()]
    return [member(config, dict(chosen), log=once) for chosen in itertools.product(*each)]


def member(config: Config, said: Mapping[str, str], *, log: Callable[[str], Any] = print) -> Member:
    """The run with these values."""
    try:
        made = override(config, [f"--config.{path}={value}" for path, value in said.items()], log=log)
        call(ROOT, made)
        return Member(said, made)
    except UsageError as error:
        raise UsageError(str(error).replace("--config.", _PREFIX)) from None


def groups(found: list[Member]) -> list[Group]:
    """Members by what one program can train: those that differ in the seed, and in numbers that it can be given.

    Which numbers those are is tried: a field that decides a shape, or a branch, cannot be traced.
    """
    data: dict[str, Dataset] = {}
    made: list[Group] = []
    for alike in _by(found, [path for path in _swept(found) if not _is_float(found, path) and path != _SEED]):
        config = alike[0].config
        run = program(config, dataset=data.get(str(config.data)))
        data[str(config.data)] = run.made.task.dataset
        floats = [path for path in _swept(alike) if path != _SEED and _differ(alike, path)]
        traced = tuple(path for path in floats if _can_be_traced(run, path))
        for group in _by(alike, [path for path in floats if path not in traced]):
            own = run if group is alike else program(group[0].config, dataset=run.made.task.dataset)
            made.append(Group(group, traced, own))
    return made


def check_group(group: Group) -> None:
    """Every member could be trained by itself: what a program is given is not checked in it.

    Raises:
        UsageError: one could not.
    """
    for alike in _by(group.members, list(group.numbers))[1:]:  # the program is of the first
        setup(alike[0].config, dataset=group.program.made.task.dataset)


def numbers_of(member: Member, paths: tuple[str, ...]) -> dict[str, float]:
    """The values of fields, for a program."""
    return {path: float(get(member.config, path)) for path in paths}


def _swept(found: list[Member]) -> list[str]:
    return list(found[0].said)


def _differ(found: list[Member], path: str) -> bool:
    return len({member.said[path] for member in found}) > 1


def _is_float(found: list[Member], path: str) -> bool:
    """Whether the field is a number in every member, which it may lack in some."""
    fields = [field_at(ROOT, member.config, path) for member in found]
    return all(field is not None and field.type is float and get(member.config, path) is not None
               for field, member in zip(fields, found, strict=True))  # fmt: skip


def _by(found: list[Member], paths: list[str]) -> list[list[Member]]:
    """Members that have the same values of fields together, in their order."""
    together: dict[tuple[str, ...], list[Member]] = {}
    for one in found:
        together.setdefault(tuple(one.said[path] for path in paths), []).append(one)
    return [found] if len(together) == 1 else list(together.values())


def _can_be_traced(run: Program, path: str) -> bool:
    key, number = jax.random.key(0), {path: jnp.zeros(())}
    images = run.made.task.dataset.train.images
    try:
        state = jax.eval_shape(run.init, key, number)
        jax.eval_shape(run.epoch, state, key, number, images)
        jax.eval_shape(run.measure, state.params, key, number)
    except TypeError:  # of which jax's own errors of tracing are
        return False
    return True
