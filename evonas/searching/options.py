"""The options of a search algorithm: those that the settings of the search have, and its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from evonas.core.options import Option, Scalar, options_in, written
from evonas.searching.algorithm import Algorithm
from evonas.searching.algorithms import algorithms
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError, shorten
from spaces.registry import closest

SETTINGS = tuple(field.name for field in dataclasses.fields(SearchSettings) if field.name != "options")


def own_options(kind: type[Algorithm]) -> tuple[Option, ...]:
    """The options of an algorithm that ``--option NAME=VALUE`` sets."""
    return options_in(kind.Options, without=SETTINGS)


def typed_options(algorithm: str, values: Mapping[str, object]) -> dict[str, Scalar]:
    """``values`` in the types of the options of an algorithm.

    Raises `UsageError` for an unknown option and for a value that the option does not allow.
    """
    known = {option.name: option for option in own_options(algorithms[algorithm])}
    for name in values:
        if name in SETTINGS:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{name} is a setting of the search: use {flag} instead of --option {name}=VALUE")
        if name not in known:
            there = closest(name, list(known)) if known else "it has none"
            raise UsageError(f"the algorithm {algorithm} has no option {shorten(name)}: {there}")
    return {name: known[name].read(value) for name, value in values.items()}


def with_options(settings: SearchSettings) -> SearchSettings:
    """``settings`` with a value for every option of its algorithm, as they are stored with the run.

    Raises `UsageError` as `typed_options` does, and for an option without value or default.
    """
    kind = algorithms[settings.algorithm]
    values = typed_options(settings.algorithm, dict(settings.options))
    for option in own_options(kind):
        if option.name not in values:
            if option.default is dataclasses.MISSING:
                raise UsageError(f"the algorithm {settings.algorithm} needs --option {option.name}=VALUE")
            values[option.name] = option.read(option.default)
    filled = dataclasses.replace(settings, options=values)
    options_of(filled)  # the class may compare its fields
    return filled


def options_of(settings: SearchSettings) -> Any:
    """The object of the ``Options`` of the algorithm. Raises `UsageError` for what it refuses."""
    kind = algorithms[settings.algorithm].Options
    known = {field.name for field in dataclasses.fields(kind)}
    values = {name: getattr(settings, name) for name in SETTINGS if name in known}
    try:
        return kind(**values, **{name: value for name, value in dict(settings.options).items() if name in known})
    except ValueError as error:
        raise UsageError(f"the options of the algorithm {settings.algorithm} do not fit: {error}") from None


def differing(stored: SearchSettings, values: Mapping[str, object]) -> list[str]:
    """The options of a run that differ from ``values``, as words of the command line."""
    here = dict(stored.options)
    wanted = typed_options(stored.algorithm, values)
    return [
        f"--option {name}={written(here.get(name))}"
        for name, value in wanted.items()
        if name not in here or type(here[name]) is not type(value) or here[name] != value
    ]
