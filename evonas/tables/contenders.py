"""The algorithms of a benchmark with their options, by default of sizes that fit a few hundred queries."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from evonas.core.options import options_in
from evonas.searching.algorithms import algorithms
from evonas.searching.options import options_of, with_options
from evonas.searching.resolve import SIZES, sizes
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError, shorten
from spaces.registry import closest

FEW: Mapping[str, Mapping[str, int]] = MappingProxyType(  # sizes for a few hundred queries
    {
        "regularized-evolution": {"population": 30, "children": 1, "tournament": 10},
        "warmup-move": {"tournament": 10},
        "nsga2": {"population": 30, "children": 10},
    }
)


@dataclass(frozen=True)
class Contender:
    """An algorithm with its options under the name that the result shows."""

    label: str
    algorithm: str
    options: Any

    def as_dict(self) -> dict[str, Any]:
        """What identifies it, as JSON."""
        return {"algorithm": self.algorithm, "options": dataclasses.asdict(self.options)}


def contenders(names: Sequence[str], given: Mapping[str, object], space: str) -> list[Contender]:
    """The algorithms ``names``, each a name or LABEL=NAME; ``given`` has values by NAME.OPTION or LABEL.OPTION.

    Raises `UsageError` for an unknown algorithm, an unknown option and a value that it refuses.
    """
    kinds: dict[str, str] = {}
    for text in names:
        label, _, name = (part.strip() for part in text.rpartition("="))
        label = label or name
        if label in kinds:
            raise UsageError(f"--algorithms has {label} twice; name variants like {label}-2={kinds[label]}")
        kinds[label] = name
    if not kinds:
        raise UsageError(f"--algorithms needs at least one name; choose from {', '.join(algorithms)}")
    options: dict[str, dict[str, object]] = {label: {} for label in kinds}
    for text, value in given.items():
        label, point, name = text.partition(".")
        if not point or label not in kinds:
            known = closest(label, list(kinds))
            raise UsageError(f"--option takes ALGORITHM.NAME=VALUE; {shorten(label)} is not compared: {known}")
        options[label][name] = value
    return [Contender(label, name, _options(name, options[label], space)) for label, name in kinds.items()]


def _options(algorithm: str, given: Mapping[str, object], space: str) -> Any:
    kind = algorithms[algorithm]
    if kind.needs_images:
        raise UsageError(f"the algorithm {algorithm} learns from images, and a table has none; leave it out")
    known = {option.name: option for option in options_in(kind.Options) if option.name in SIZES}
    asked: dict[str, Any] = {name: option.read(given[name]) for name, option in known.items() if name in given}
    chosen: dict[str, Any] = {**sizes(kind), **FEW.get(algorithm, {}), **asked}
    for name in chosen.keys() - asked.keys():  # a size that is not asked for gives way to the population
        chosen[name] = min(chosen[name], max(1, chosen["population"]))
    rest = {name: value for name, value in given.items() if name not in asked}
    settings = SearchSettings(
        space=space, algorithm=algorithm, options=rest, **{name: chosen[name] for name in known}
    )
    return options_of(with_options(settings))
