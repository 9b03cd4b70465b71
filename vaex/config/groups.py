"""Members of a sweep by the programs that can train them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from vaex.config.program import Program, program
from vaex.config.root import ROOT
from vaex.config.section import field_at, get
from vaex.config.setup import setup
from vaex.config.sweep import Member
from vaex.data import Dataset

_SEED = "seed"


class Group(NamedTuple):
    """Members that one program trains."""

    members: list[Member]
    numbers: tuple[str, ...]  # the fields in which they differ besides the seed
    program: Program


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
    for one in found:
        field = field_at(ROOT, one.config, path)
        if field is None or field.type is not float or get(one.config, path) is None:
            return False
    return True


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
