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
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError, shorten
from spaces.registry import closest

SIZES: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "random": {"population": 10, "children": 10},
        "local-search": {"population": 10, "children": 1},
        "regularized-evolution": {"population": 30, "children": 1, "tournament": 10},
        "warmup-move": {"population": 64, "children": 10, "tournament": 10},
        "bananas": {"population": 10, "children": 10},
        "gp": {"population": 10, "children": 10},
        "boosted": {"population": 16, "children": 16},
        "eda": {"population": 16, "children": 16},
        "ag-net": {"population": 16, "children": 16},
        "nsga2": {"population": 30, "children": 10},
        "guided": {"population": 10, "children": 5},
    }
)
OTHERS = {"population": 10, "children": 10, "tournament": 5}  # of an algorithm that has no entry


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
    known = {option.name: option for option in options_in(algorithms[algorithm].Options)}
    sizes = {name: size for name, size in SIZES.get(algorithm, OTHERS).items() if name in known}
    chosen: dict[str, Any] = {name: known[name].read(given[name]) for name in given if name in sizes}
    if "population" in chosen:  # the others are at most that
        sizes = {name: min(size, max(1, chosen["population"])) for name, size in sizes.items()}
    chosen = sizes | chosen
    rest = {name: value for name, value in given.items() if name not in sizes}
    settings = SearchSettings(space=space, algorithm=algorithm, options=rest, **chosen)
    return options_of(with_options(settings))
