"""What a field of frozen settings says about itself, and the checks, names and presets that follow from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from functools import cache
from types import NoneType
from typing import Any, get_args, get_type_hints

from evonas.core.arguments import flag, integer, one_of, option, text

_KEY = "about"  # in the metadata of a field


@dataclass(frozen=True)
class About:
    """Everything about a field except name, type and default. One with ``help`` is a command-line option."""

    help: str = ""
    default_text: str | None = None  # in the help text; None: the default itself, empty: no default is shown
    spelling: str | None = None  # on the command line, if it does not follow from the name
    metavar: str | None = None
    completion: str | None = None  # a function of `evonas.cli.completion`
    typed: Any = None  # type on the command line, if it is not that of the field
    after: str | None = None  # field that it follows in a help text; None: the field before it
    bounds: tuple[int, int] | None = None  # inclusive
    choices: tuple[str, ...] = ()
    read: Callable[[object, str], Any] | None = (
        None  # makes or refuses a value; needed where the type has no check
    )
    presets: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # value by name of the preset
    marks: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # what the class of the settings decides


class Field:
    """A field of frozen settings with everything that stands at it."""

    def __init__(self, field: dataclasses.Field[Any], hint: Any) -> None:
        self.name = field.name
        self.default, self.factory = field.default, field.default_factory
        self.about: About = field.metadata.get(_KEY, About())
        self.optional = NoneType in get_args(hint)
        kinds = [kind for kind in get_args(hint) if kind is not NoneType] if self.optional else [hint]
        self.kind: Any = kinds[0]

    @property
    def spelling(self) -> str:
        """``--batch-size`` for an option of the command line, otherwise the name."""
        return (self.about.spelling or option(self.name)) if self.about.help else self.name

    @property
    def label(self) -> str:
        """The name in messages."""
        return option(self.name) if self.spelling.startswith("--no-") else self.spelling

    @property
    def default_text(self) -> str:
        """The default in words; empty if it is not shown."""
        if self.about.default_text is not None:
            return self.about.default_text
        shown = self.default not in (None, MISSING) and not isinstance(self.default, bool)
        return str(self.default) if shown else ""

    @property
    def help(self) -> str:
        """The help text, which ends with the default."""
        return self.about.help + (f"  [default: {self.default_text}]" if self.default_text else "")

    def checked(self, value: object) -> Any:
        """A plain Python value. Raises `UsageError`."""
        about = self.about
        if value is None and self.optional:
            return None
        if about.read is not None:
            return about.read(value, self.label)
        if about.bounds is not None:
            return integer(value, self.label, *about.bounds)
        if self.kind is bool:
            return flag(value, self.label)
        found = text(value, self.label)
        return one_of(found, self.label, about.choices) if about.choices else found


def setting(
    default: Any = MISSING,
    *,
    default_factory: Any = MISSING,
    marks: Mapping[str, Any] | None = None,
    **about: Any,
) -> Any:
    """A field of settings; ``about`` are the fields of `About`."""
    return _field(default, default_factory, About(**about, marks=marks or {}))


def like(settings: type, name: str, **changes: Any) -> Any:
    """A field as ``name`` of other settings, without its presets and marks; ``default`` and `About` may change."""
    field = fields_of(settings)[name]
    default = changes.pop("default", field.default)
    about = dataclasses.replace(field.about, **{"presets": {}, "marks": {}, **changes})
    return _field(default, field.factory, about)


def _field(default: Any, factory: Any, about: About) -> Any:
    if factory is not MISSING:
        return dataclasses.field(default_factory=factory, metadata={_KEY: about})
    return dataclasses.field(default=default, metadata={_KEY: about})


@cache
def fields_of(settings: type) -> dict[str, Field]:
    """The fields of a class of settings by name."""
    hints = get_type_hints(settings)
    return {field.name: Field(field, hints[field.name]) for field in dataclasses.fields(settings)}


def options_of(settings: type) -> dict[str, Field]:
    """The fields that are options of the command line, in the order of help texts."""
    fields = fields_of(settings)
    names = list(fields)
    for name, field in fields.items():
        if field.about.after is not None:
            names.remove(name)
            names.insert(names.index(field.about.after) + 1, name)
    return {name: fields[name] for name in names if fields[name].about.help}


def marked(settings: type, mark: str) -> tuple[str, ...]:
    """The names of the fields with a true ``mark``, in the order of the fields."""
    return tuple(name for name, field in fields_of(settings).items() if field.about.marks.get(mark))


def marks_of(settings: type, mark: str) -> dict[str, tuple[str, ...]]:
    """The names of the fields by their value of ``mark``, without those where it is empty."""
    names: dict[str, tuple[str, ...]] = {}
    for name in marked(settings, mark):
        value = fields_of(settings)[name].about.marks[mark]
        names[value] = (*names.get(value, ()), name)
    return names


def require_marks(settings: type, *marks: str) -> None:
    """Raises `TypeError` for a field that does not decide about every one of ``marks``, true or false."""
    for name, field in fields_of(settings).items():
        undecided = [mark for mark in marks if mark not in field.about.marks]
        if undecided:
            raise TypeError(f"{settings.__name__}.{name} does not say {' and '.join(undecided)}")


def check(settings: Any) -> None:
    """Makes every field of frozen settings that are being made a plain Python value. Raises `UsageError`."""
    kind: type = type(settings)
    for field in fields_of(kind).values():
        object.__setattr__(settings, field.name, field.checked(getattr(settings, field.name)))


def presets_of(settings: type) -> dict[str, dict[str, Any]]:
    """The values of every preset by field."""
    presets: dict[str, dict[str, Any]] = {}
    for field in fields_of(settings).values():
        for name, value in field.about.presets.items():
            presets.setdefault(name, {})[field.name] = value
    return presets


def preset_of(name: str | None, presets: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The values of a preset, none without a name. Raises `UsageError` for an unknown one."""
    if name is None:
        return {}
    return dict(presets[one_of(text(name, "--preset"), "--preset", presets)])
