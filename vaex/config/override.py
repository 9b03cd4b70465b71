"""Flags over a config: --config.FIELD=VALUE, of which one that names another choice swaps the section first."""

import copy
from collections.abc import Callable

from absl import flags
from ml_collections import config_flags

from vaex.choices import Choices
from vaex.config.explain import of_flag
from vaex.config.root import ROOT
from vaex.config.section import Config, field_at, get, keep, section
from vaex.errors import UsageError

_PREFIX = "--config."


def override(config: Config, arguments: list[str], *, log: Callable[[str], object] = print) -> Config:
    """The config with flags applied.

    --config.X.name=CHOICE makes X the section of another choice, from the outermost inwards: what is set of fields of
    the same name and type is kept, and one line names what has no place. --config.X=none unsets an optional section.
    Of a field named twice the last value counts; a field of a section that a later flag unsets is refused.

    Args:
        config: which stays as it is.
        arguments: the flags.
        log: told what a swap drops.

    Raises:
        UsageError: an argument that is no such flag, an unknown field or choice, a value of another type, a field of
            what a later flag unsets.
    """
    config = copy.deepcopy(config)
    values: dict[str, str] = {}
    for argument in _joined(arguments):
        path, equals, value = argument.removeprefix(_PREFIX).partition("=")
        if not argument.startswith(_PREFIX) or not equals:
            raise UsageError(f"unexpected argument {argument!r}: overrides are written --config.FIELD=VALUE")
        values.pop(path, None)  # so that it stands where it was named last
        values[path] = value
    _check_unset(values)
    for path in sorted(values, key=lambda path: path.count(".")):
        if _swap(config, path, values[path], log):
            del values[path]
    return _apply(config, values)


def _check_unset(values: dict[str, str]) -> None:
    paths = [*values]
    for i, path in enumerate(paths):
        if values[path].lower() == "none" and (below := [one for one in paths[:i] if one.startswith(f"{path}.")]):
            raise UsageError(
                f"--config.{path}=none unsets --config.{below[0]}, which stands before it: leave one of them out"
            )


def _joined(arguments: list[str]) -> list[str]:
    """--config.A B is --config.A=B."""
    joined: list[str] = []
    for argument in arguments:
        if joined and "=" not in joined[-1] and joined[-1].startswith(_PREFIX) and not argument.startswith("--"):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _swap(config: Config, path: str, value: str, log: Callable[[str], object]) -> bool:
    """Make or unmake a section, or unset a field -> whether the flag was of this kind."""
    parent, _, last = path.rpartition(".")
    field = field_at(ROOT, config, path)
    if field is not None and value.lower() == "none" and "none" not in (field.names or ()):
        if field.is_optional:
            _set(config, path, None)
            return True
        if field.choices is not None and field.choices.has_names:
            among = ", ".join(field.choices)
            raise UsageError(f"--config.{path} is none, but there has to be one: name one of {among}")
    if field is not None and field.choices is not None:
        cure = (
            f"set --config.{path}.name" if field.choices.has_names else f"set one of its fields, --config.{path}.FIELD"
        )
        raise UsageError(f"--config.{path} is a section: {cure}")
    owner = field_at(ROOT, config, parent) if parent else None
    if last != "name" or owner is None or owner.choices is None or not owner.choices.has_names:
        return False
    if value.lower() == "none" and owner.is_optional and "none" not in owner.choices:
        _set(config, parent, None)
        return True
    _rename(config, parent, owner.choices, value, log)
    return True


def _rename(config: Config, path: str, choices: Choices, name: str, log: Callable[[str], object]) -> None:
    old = get(config, path)
    if old is not None and old.name == name:
        return
    choices.find(name, f"{path}.name")
    new = section(choices, name)
    if old is not None and (dropped := keep(new, old, choices)):
        log(f"{path} is {name} instead of {old.name}, and has no {', '.join(dropped)}: dropped")
    _set(config, path, new)


def _apply(config: Config, values: dict[str, str]) -> Config:
    for path in values:
        if field_at(ROOT, config, path) is None:
            raise UsageError(of_flag(config, path))
    arguments = [f"{_PREFIX}{path}={value}" for path, value in values.items()]
    parsed = flags.FlagValues()
    try:
        holder = config_flags.DEFINE_config_dict("config", config, flag_values=parsed, sys_argv=["vaex", *arguments])
        parsed(["vaex", *arguments])
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(_wrong_value(config, values, error)) from None
    return holder.value


def _wrong_value(config: Config, values: dict[str, str], error: Exception) -> str:
    for path, value in values.items():
        if f"config.{path}" in str(error):
            field = field_at(ROOT, config, path)
            assert field is not None, path
            now = get(config, path)
            such = f", such as {','.join(map(str, now)) if type(now) is tuple else now}" if now is not None else ""
            return f"--config.{path} is {value!r}: expected {field.type.__name__}{such}"
    return " ".join(str(error).split())


def _set(config: Config, path: str, value: object) -> None:
    *parents, last = path.split(".")
    for part in parents:
        config = config[part]
    config[last] = value
