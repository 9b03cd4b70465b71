"""A config's fields: their defaults, what each means, and how they are kept as JSON."""

import inspect
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ml_collections import ConfigDict

from vaex.choices import Choices, Field
from vaex.config.old import carried_over
from vaex.config.root import ROOT
from vaex.config.section import Config, field_at, section
from vaex.config.stored import check_type, read_json, shown
from vaex.errors import UsageError
from vaex.files import Json, replaced


class Told(NamedTuple):
    """A field of a config, in words."""

    path: str
    value: str
    is_default: bool  # of its choice, where the choice itself is not the default
    about: str


def default_config() -> Config:
    """Every section at its default choice, and its options at theirs."""
    return section(ROOT)


def save_config(config: Config, path: Path) -> None:
    """Write a config as JSON."""
    with replaced(path) as file:
        file.write((json.dumps(config.to_dict(), indent=2) + "\n").encode())


def read_config(path: Path) -> Config:
    """A config from its JSON, that of an earlier version with `model.kind` carried over.

    Raises:
        UsageError: no JSON, or a choice or a field that there is not; the message names the file.
    """
    stored = check_type(read_json(path), dict, str(path))
    try:
        return _read(ROOT, carried_over(stored), "config")
    except UsageError as error:
        raise UsageError(f"{error}, in {path}") from None
    except (KeyError, TypeError, AttributeError) as error:  # of what is carried over, which has all fields or none
        raise UsageError(f"{path} has model.kind, as runs of an earlier vaex, but not their fields: {error}") from None


def check_config(config: object) -> Config:
    """What an experiment returns, if that is a config.

    Raises:
        UsageError: it is something else, or has fields that there are not, or values of another type.
    """
    if not isinstance(config, ConfigDict):
        raise UsageError(
            f"get_config() returns {type(config).__name__}: expected a config, such as default_config() makes"
        )
    expected, found = set(default_config()), set(config)
    if expected - found:
        missing = ", ".join(sorted(expected - found))
        raise UsageError(f"get_config() returns a config without {missing}: expected what default_config() makes")
    _read(ROOT, config.to_dict(), "config")
    return config


def equal(config: Config, other: Config) -> bool:
    """Whether all fields are; ConfigDict's own == tells fields that may be unset from those that may not."""
    return config.to_dict() == other.to_dict()


def checksum(config: Config) -> int:
    """The CRC-32 of all fields, for the name of a folder."""
    return checksum_of(config.to_dict())


def checksum_of(said: Mapping[str, object]) -> int:
    """That of what JSON can say."""
    return zlib.crc32(json.dumps(said, sort_keys=True).encode())


def describe(config: Config, experiment: Config) -> str:
    """Every field, a line each: its flag and value, where it is set, and what it means.

    Args:
        config: an experiment's, with flags applied.
        experiment: the same before.
    """
    before = {path: value for path, value, _ in walk(ROOT, experiment, "")}
    default = {path: value for path, value, _ in walk(ROOT, default_config(), "")}
    lines = []
    for path, value, about in walk(ROOT, config, ""):
        where = "default" if default.get(path) == value else "experiment"
        where = where if path in before and before[path] == value else _of_choice(config, path, value)
        lines.append((f"--config.{path}={_shown(value)}", where, about))
    width = min(max(len(flag) for flag, _, _ in lines), 60)
    return "\n".join(f"{flag:{width}}  {where:10}  {about}".rstrip() for flag, where, about in lines)


def told(config: Config) -> list[Told]:
    """Every field of a config: its path, its value, whether that is the default, and what it means."""
    default = {path: value for path, value, _ in walk(ROOT, default_config(), "")}
    return [
        Told(
            path,
            _shown(value),
            default[path] == value if path in default else _of_choice(config, path, value) == "default",
            about,
        )
        for path, value, about in walk(ROOT, config, "")
    ]


def _of_choice(config: Config, path: str, value: object) -> str:
    """Whether a field that flags brought has the default of its choice, or its value by a flag."""
    field = field_at(ROOT, config, path)
    return "default" if field is not None and field.default == value else "flag"


def walk(choices: Choices, config: Config, path: str) -> Iterator[tuple[str, object, str]]:
    """Of every field that is no section: its path, its value and what it means."""
    name = config.name if choices.has_names else ""
    if name:
        yield f"{path}name", name, f"{choices.what}: {_first_line(choices, name)} Of {', '.join(choices)}"
    for field in choices.fields(name).values():
        value = config[field.name]
        if field.choices is None:
            among = f" Of {', '.join(field.names)}" if field.names is not None else ""
            yield f"{path}{field.name}", value, field.about + among
        elif value is None:
            yield f"{path}{field.name}.name", None, f"{field.about} Of {', '.join(field.choices)}"
        else:
            yield from walk(field.choices, value, f"{path}{field.name}.")


def _first_line(choices: Choices, name: str) -> str:
    return (inspect.getdoc(choices[name]) or "").split("\n")[0]


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if type(value) is tuple else "" if value is None else str(value)


def _read(choices: Choices, stored: Json, path: str) -> Config:
    """A section from its JSON."""
    if type(stored) is not dict:
        raise UsageError(f"{path} is {shown(stored)}: expected an object with fields")
    name = stored.get("name", "") if choices.has_names else ""
    if type(name) is not str or name not in choices:
        raise UsageError(f"{path}.name is {shown(name)}: expected one of {', '.join(choices)}")
    fields = choices.fields(name)
    made = section(choices, name)
    for key, value in stored.items():
        if key == "name" and choices.has_names:
            continue
        if key not in fields:
            raise UsageError(f"{path}.{key} is no field of {choices.what} {name!r}: it has {', '.join(fields)}")
        made[key] = _read_value(fields[key], value, f"{path}.{key}")
    return made


def _read_value(field: Field, value: Json, path: str) -> Json:
    if value is None and (field.is_optional or field.is_required):
        return None
    if field.choices is not None:
        return _read(field.choices, value, path)
    value = _with_tuples(value)
    is_right = isinstance(value, field.type) or (field.type is float and type(value) is int)
    if not is_right or (type(value) is bool and field.type is not bool):
        raise UsageError(f"{path} is {shown(value)}: expected {field.type.__name__}")
    return value


def _with_tuples(value: Json) -> Json:
    return tuple(map(_with_tuples, value)) if type(value) is list else value
