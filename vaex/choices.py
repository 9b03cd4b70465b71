"""Tables from a name to a function, whose keyword-only parameters are all that is said of its options anywhere."""

import difflib
import functools
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin

from vaex.errors import UsageError

Build = Callable[..., Any]  # an entry with its options bound, to be called with what its caller knows
Entry = TypeVar("Entry")
_PLAIN = (bool, int, float, str, tuple)


class Field(NamedTuple):
    """One option of one choice."""

    name: str
    type: type  # bool, int, float, str or tuple; of a nested choice, dict
    default: Any  # of a nested choice a Build
    is_required: bool
    is_optional: bool  # whether None is a value
    choices: "Choices | None"  # of a nested choice
    names: Mapping[str, object] | None  # of a bare name
    about: str
    is_number: bool = False  # whether a schedule may move it


class Choices(dict[str, Build]):
    """Functions by their names, compared by identity.

    Args:
        entries: the functions. One entry without a name makes a section that chooses nothing.
        what: what is chosen, for messages.
        context: keywords that a function is called with and that are never options.
        common: a function whose options every section has besides, for whoever reads the section.
        others: of functions that are not written for such a table, such as optax's: by the name of an entry, parameters
            that are options although their default is no plain value.
    """

    def __init__(
        self,
        entries: Mapping[str, Build],
        *,
        what: str,
        context: Iterable[str] = (),
        common: Build | None = None,
        others: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        super().__init__(entries)
        self.what, self.context, self.common, self.others = what, tuple(context), common, others

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    @property
    def has_names(self) -> bool:
        """Whether there is anything to choose."""
        return "" not in self

    def find(self, name: str, field: str) -> Build:
        """The entry of a name; `field` is what names it in a config."""
        return find(self, name, field)

    def fields(self, name: str) -> dict[str, Field]:
        """The options of an entry, by their names."""
        found = _fields(self[name], self.context, None if self.others is None else self.others.get(name, ()))
        return found | (_fields(self.common, (), None) if self.common else {})

    def name_of(self, build: Build) -> str:
        """The name of a function, or of what a partial or a config's section is of; "own" of one of somebody's own."""
        function = inspect.unwrap(build.func if isinstance(build, functools.partial) else build)
        return next((name for name, entry in self.items() if inspect.unwrap(entry) in (build, function)), "own")


def find(table: Mapping[str, Entry], name: str, field: str) -> Entry:
    """The entry of a table of names.

    Raises:
        UsageError: there is none; the message has the nearest.
    """
    if name not in table:
        near = difflib.get_close_matches(str(name), table, n=3)
        nearest = f"; nearest: {', '.join(near)}" if near else ""
        raise UsageError(f"{field} is {name!r}: expected one of {', '.join(table)}{nearest}")
    return table[name]


def supply(build: Build, *args: object, **context: object) -> Any:
    """What a function makes of its arguments and of those keywords of its context that it has."""
    has = inspect.signature(build).parameters
    return build(*args, **{name: value for name, value in context.items() if name in has})


def about(function: Callable) -> dict[str, str]:
    """What a docstring says of each parameter, by its name."""
    section = re.search(r"^(?:Args|Attributes):\n(.*?)(?=^\S|\Z)", inspect.getdoc(function) or "", re.M | re.S)
    said: dict[str, str] = {}
    for names, text in re.findall(r"^    ([\w, ]+): (.*(?:\n {8}.*)*)", section.group(1) if section else "", re.M):
        said |= {name.strip(): " ".join(text.split()) for name in names.split(",")}
    return said


@functools.cache
def _fields(function: Callable, context: tuple[str, ...], also: tuple[str, ...] | None) -> dict[str, Field]:
    hints = _hints(function) if also is None else {}
    said = about(function)
    fields = {}
    for parameter in inspect.signature(function).parameters.values():
        if also is not None:
            is_option = parameter.name == "learning_rate" or parameter.name in also or type(parameter.default) in _PLAIN
        else:
            is_option = inspect.isclass(function) or parameter.kind is parameter.KEYWORD_ONLY
        if is_option and parameter.name not in context:
            hint = hints.get(parameter.name, Any)
            fields[parameter.name] = _field(parameter, hint, said.get(parameter.name, ""))
    return fields


def _hints(function: Callable) -> dict[str, Any]:
    return typing.get_type_hints(inspect.unwrap(function), include_extras=True)


def _field(parameter: inspect.Parameter, hint: Any, said: str) -> Field:
    extra: Any = None
    choices: Choices | None = None
    names: Mapping[str, object] | None = None
    if get_origin(hint) is Annotated:
        hint, extra = get_args(hint)[:2]
    is_required = parameter.default is parameter.empty
    default = None if is_required else parameter.default
    members = get_args(hint) if get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    kinds = [get_origin(member) or member for member in members]
    kind = next((k for k in _PLAIN if k in kinds), type(default) if default is not None else float)
    match extra:
        case Choices():
            kind, choices = dict, extra
        case Mapping():
            names = extra
    is_optional = type(None) in members or (default is None and not is_required)
    return Field(
        parameter.name,
        kind,
        default,
        is_required,
        is_optional,
        choices,
        names,
        said,
        any(member not in (*_PLAIN, type(None)) for member in members) and kind is float and hint is not Any,
    )
