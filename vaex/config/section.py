"""A section of a config is a call: a name in a table, and the keyword arguments of the function it names."""

import difflib
import functools
import inspect
from typing import Any

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from vaex.choices import Build, Choices, Field, find, supply
from vaex.errors import OptionError, UsageError

Config = Any  # a ConfigDict, whose fields have no static types


def section(choices: Choices, name: str = "", **options: object) -> Config:
    """The section that says: the function of this name, with these options, the others at their defaults.

    >>> config.model.posterior = section(POSTERIORS, "iaf", num_flows=2, hidden=(320,))

    Args:
        choices: the table.
        name: of an entry; a table without names takes none.
        options: values of its options; of a nested choice a section.

    Raises:
        UsageError: no such entry, or an option that it does not have.
    """
    find(choices, name, choices.what)
    fields = choices.fields(name)
    made = ConfigDict({"name": name} if name else {})
    for field in fields.values():
        made[field.name] = _initial(field)
    for option, value in options.items():
        if option not in fields:
            near = difflib.get_close_matches(option, fields, n=1) or list(fields)
            raise UsageError(f"{choices.what} {name!r} has no option {option!r}: it has {', '.join(near) or 'none'}")
        made[option] = value
    return made


def bind(choices: Choices, config: Config, path: str = "") -> Build:
    """The function that a section names, its options bound and checked to be set.

    Args:
        choices: the table.
        config: a section.
        path: where the section stands, for messages.

    Returns:
        What is called with what its caller knows; an OptionError that it raises says the section's path.

    Raises:
        UsageError: no such entry, or an option without a value.
    """
    name = config.name if choices.has_names else ""
    function = find(choices, name, _join(path, "name"))
    taken = inspect.signature(function).parameters
    options = {field.name: _value(field, config, path) for field in choices.fields(name).values()}
    options = {option: value for option, value in options.items() if option in taken}

    @functools.wraps(function)
    def build(*args: object, **context: object) -> object:
        try:
            return function(*args, **options | context)
        except OptionError as error:
            own = error.parameter.partition(".")[0] in choices.fields(name)
            raise error.within(path) if own or not path else error from None  # else of a section around this one

    return build


def call(choices: Choices, config: Config, path: str = "", **context: object) -> Any:
    """What the function makes that a section names, of those keywords that it has."""
    return supply(bind(choices, config, path), **context)


def keep(new: Config, old: Config, choices: Choices) -> list[str]:
    """Give a section what is set of another under the same names and types -> what is set and finds no place.

    Set is what differs from the other's own default: the one draw of elbo is no choice of iwae's.
    """
    fields, before = choices.fields(new.name), section(choices, old.name)
    dropped = []
    for name, value in old.items():
        if name == "name" or value == before[name]:
            continue
        if name in fields and _fits(fields[name], value):
            new[name] = value
        else:
            dropped.append(name)
    return dropped


def get(config: Config, path: str) -> Any:
    """The value at a path such as "model.posterior.num_flows"."""
    for part in path.split("."):
        config = config[part]
    return config


def field_at(root: Choices, config: Config, path: str) -> Field | None:
    """What is known of the field at a path, None where there is no such field."""
    choices, field = root, None
    *parents, last = path.split(".")
    for part in [*parents, last]:
        if choices is None or config is None:
            return None
        name = config.name if choices.has_names else ""
        if name not in choices or part not in (fields := choices.fields(name)):
            return None
        field = fields[part]
        choices, config = field.choices, config[part] if field.choices is not None else None
    return field


def _initial(field: Field) -> object:
    if field.choices is not None:
        if field.default is None:
            return placeholder(ConfigDict)
        if not field.choices.has_names:
            return section(field.choices)
        options = field.default.keywords if isinstance(field.default, functools.partial) else {}
        return section(field.choices, field.choices.name_of(field.default), **options)
    return placeholder(field.type) if field.default is None else field.default


def _value(field: Field, config: Config, path: str) -> object:
    """Of an option what the function gets: a plain value, an entry of a table of names, or a nested choice, bound."""
    value, here = config[field.name], _join(path, field.name)
    if value is None:
        if field.is_required or not field.is_optional:
            raise OptionError(field.name, None, f"a value: {field.about}".removesuffix(": "), path=path)
        return None
    if field.choices is not None:
        nested = bind(field.choices, value, here)
        return nested if field.choices.has_names else nested()
    if field.names is not None:
        find(field.names, value, here)
    return value


def _fits(field: Field, value: object) -> bool:
    if field.choices is not None:
        return isinstance(value, ConfigDict) and value.get("name", "") in field.choices
    return value is None or isinstance(value, field.type)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
