"""The objective of a search: a proxy, or a composite standardised by the first population."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from evonas.core.strict_json import parse_json
from evonas.searching.objectives.named import fitness_of
from evonas.store.queries import Records
from evonas.store.schema import Value
from fitness import Score
from fitness.composite import Composite, Member, standardise
from spaces import EvonasError

Scores = dict[str, Score]  # of one network, by the name of the proxy


class Measure:
    """Makes one `Score` of a network's scores by `names`.

    A composite is `open` until `fix` takes its statistics from the first population; they never change again.
    """

    def __init__(self, run: Records) -> None:
        """The measure of ``run``. Raises `EvonasError` if the stored statistics cannot be read."""
        self._run = run
        # read first, because a running search writes both in one transaction
        begun = bool(run.generations(last=1))
        self.proxy = run.settings.proxy
        fitness = fitness_of(self.proxy)
        self.names, self._members = fitness.names, fitness.members
        self.objectives = fitness.objectives
        self._objectives = tuple(objective.name for objective in fitness.objectives)
        self.is_composite = bool(self._members)
        stored = run.meta("composite")
        self.composite = (
            _restored(self.proxy, self._members, stored) if self.is_composite and stored is not None else None
        )
        if self.open and begun:
            raise EvonasError(f"{run.path} lacks the statistics of {self.proxy!r}; start a new run")

    @property
    def open(self) -> bool:
        """Whether there are no scores yet, because the statistics of the first population are missing."""
        return self.is_composite and self.composite is None

    def fix(self, population: Collection[Scores]) -> None:
        """Standardise by the scores of the distinct networks of the first population."""
        by_name = {name: [scores[name] for scores in population] for name in self.names}
        self.composite = standardise(self._members, by_name)

    def of(self, scores: Scores) -> Score:
        """The score of a network, the value of the first objective; not while the measure is `open`."""
        if not self.is_composite:
            return scores[self._objectives[0]]
        assert self.composite is not None
        return self.composite.combine(scores)

    def failed(self, scores: Scores) -> bool:
        """Whether a network has no score, or will have none once the measure is fixed."""
        return (
            any(score.value is None for score in scores.values()) if self.open else self.of(scores).value is None
        )

    def recall(self, canonical: str) -> Scores | None:
        """The stored scores of a network, including those from before an interruption."""
        rows = self._run.values(canonical)
        found = {row.name: Score(row.value, row.reason, row.seconds) for row in rows if row.name in self.names}
        return found if len(found) == len(self.names) else None

    def rows(self, canonical: str, scores: Scores) -> list[Value]:
        """The values to store: those of the members of a composite, and the score once there is one."""
        found = {name: scores[name] for name in self.names}
        if self.composite is not None:
            found[self._objectives[0]] = self.of(scores)
        return [Value(canonical, name, *score) for name, score in found.items()]

    def values(self, scores: Scores) -> dict[str, float | None]:
        """The values of an individual, the objectives first; a composite is None while the measure is `open`."""
        found = {name: scores[name].value for name in self.names}
        if self.is_composite:
            return {self._objectives[0]: None if self.open else self.of(scores).value, **found}
        return {name: found[name] for name in dict.fromkeys((*self._objectives, *found))}

    def facts(self) -> dict[str, str]:
        """The statistics as facts of the run."""
        return {"composite": json.dumps(self.members())} if self.composite is not None else {}

    def members(self, canonical: str | None = None) -> list[dict[str, Any]]:
        """Each member of a composite with its weight and statistics, and its score of one network if given."""
        found, scores = self.composite, self.recall(canonical) if canonical is not None else None
        if found is None:
            return []
        rows = zip(found.members, found.means, found.deviations, strict=True)
        return [
            {"name": name, "weight": weight, "mean": mean, "deviation": deviation}
            | ({"score": scores[name].value} if scores else {})
            for (name, weight), mean, deviation in rows
        ]


def _restored(proxy: str, members: tuple[Member, ...], statistics: str) -> Composite:
    try:
        rows = parse_json(statistics)
        if [(row["name"], row["weight"]) for row in rows] != list(members):
            raise ValueError("they belong to other proxies")
        means, deviations = (tuple(float(row[key]) for row in rows) for key in ("mean", "deviation"))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise EvonasError(f"the stored statistics of {proxy!r} cannot be read: {error}") from None
    return Composite(members, means, deviations)
