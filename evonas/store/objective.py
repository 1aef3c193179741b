"""What a search maximises or minimises, by name, and the fact of a run that says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from evonas.core.strict_json import parse_json
from spaces.errors import EvonasError

FACT = "objectives"
REFERENCE = "reference"  # the fact that holds the point from which hypervolumes are counted


class Objective(NamedTuple):
    """One value of an individual that a search maximises or minimises."""

    name: str
    maximise: bool = True

    @property
    def sign(self) -> float:
        """1 where larger is better, -1 where smaller is."""
        return 1.0 if self.maximise else -1.0

    def better(self, value: float, than: float) -> bool:
        """Whether ``value`` is better, not equal."""
        return value > than if self.maximise else value < than


def facts_of(objectives: Sequence[Objective], proxy: str) -> dict[str, str]:
    """The fact of a run with these objectives; none where it is to maximise the value called ``proxy``."""
    return {} if tuple(objectives) == (Objective(proxy),) else {FACT: json.dumps(objectives)}


def objectives_in(fact: str | None, proxy: str) -> tuple[Objective, ...]:
    """The inverse of `facts_of`. Raises `EvonasError` for anything else."""
    if fact is None:
        return (Objective(proxy),)
    try:
        found = tuple(Objective(*pair) for pair in parse_json(fact))
    except (TypeError, ValueError) as error:
        raise EvonasError(f"the objectives of the search cannot be read: {error}") from None
    if not found or any(type(name) is not str or type(maximise) is not bool for name, maximise in found):
        raise EvonasError("the objectives of the search cannot be read: expected names with true or false")
    return found
