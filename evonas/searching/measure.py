"""What a search optimises, of one network: proxies, and composites standardised by the first population."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from evonas.core.strict_json import parse_json
from evonas.searching.objectives.named import fitness_for
from evonas.store.queries import Records
from evonas.store.schema import Value
from fitness import Score
from fitness.composite import Composite, Member, standardise
from spaces import EvonasError

Scores = dict[str, Score]  # of one network, by name


class Measure:
    """Makes the `Score` of each objective of a network's scores by `names`.

    With a composite it is `open` until `fix` takes the statistics from the first population; they never change
    again.
    """

    def __init__(self, run: Records) -> None:
        """The measure of ``run``. Raises `EvonasError` if the stored statistics cannot be read."""
        self._run = run
        # read first, because a running search writes both in one transaction
        begun = bool(run.generations(last=1))
        self.proxy, self.fitness = run.settings.proxy, fitness_for(run.settings)
        self.names, self._formulas = self.fitness.names, self.fitness.composites
        self.objectives = self.fitness.objectives
        self.is_composite = bool(self._formulas)
        stored = run.meta("composite")
        self.composites: dict[str, Composite] = {}
        if self.is_composite and stored is not None:
            self.composites = self._restored(stored)
        if self.open and begun:
            raise EvonasError(f"{run.path} lacks the statistics of {run.settings.fitness!r}; start a new run")

    @property
    def open(self) -> bool:
        """Whether there are no scores yet, because the statistics of the first population are missing."""
        return self.is_composite and not self.composites

    def fix(self, population: Collection[Scores]) -> None:
        """Standardise by the scores of the distinct networks of the first population."""
        for objective, members in self._formulas.items():
            by_name = {name: [scores[name] for scores in population] for name, _ in members}
            self.composites[objective] = standardise(members, by_name)

    def of(self, scores: Scores, objective: str) -> Score:
        """The score of a network by an objective; not while the measure is `open`."""
        composite = self.composites.get(objective)
        return scores[objective] if composite is None else composite.combine(scores)

    def failed(self, scores: Scores) -> bool:
        """Whether a network lacks a score, or will lack one once the measure is fixed."""
        if self.open:
            return any(score.value is None for score in scores.values())
        return any(self.of(scores, objective.name).value is None for objective in self.objectives)

    def recall(self, canonical: str) -> Scores | None:
        """The stored scores of a network, including those from before an interruption."""
        rows = self._run.values(canonical)
        found = {row.name: Score(row.value, row.reason, row.seconds) for row in rows if row.name in self.names}
        return found if len(found) == len(self.names) else None

    def rows(self, canonical: str, scores: Scores) -> list[Value]:
        """The values to store: those of the members of a composite, and the score once there is one."""
        found = {name: scores[name] for name in self.names}
        found |= {objective: composite.combine(scores) for objective, composite in self.composites.items()}
        return [Value(canonical, name, *score) for name, score in found.items()]

    def values(self, scores: Scores) -> dict[str, float | None]:
        """The values of an individual, the objectives first; a composite is None while the measure is `open`."""
        found: dict[str, float | None] = {}
        for objective in self.objectives:
            missing = self.open and objective.name in self._formulas
            found[objective.name] = None if missing else self.of(scores, objective.name).value
        return found | {name: scores[name].value for name in self.names if name not in found}

    def facts(self) -> dict[str, str]:
        """The statistics as facts of the run: the members of one objective, or those of several by its name."""
        if not self.composites:
            return {}
        by_objective = {name: self._rows(name) for name in self.composites}
        several = len(self.objectives) > 1
        return {"composite": json.dumps(by_objective if several else by_objective[self.objectives[0].name])}

    def members(self, canonical: str | None = None) -> list[dict[str, Any]]:
        """Each member of a composite with its weight and statistics, and its score of one network if given.

        With several objectives it has the name of its objective.
        """
        scores = self.recall(canonical) if canonical is not None else None
        several = len(self.objectives) > 1
        return [
            ({"objective": objective} if several else {})
            | row
            | ({"score": scores[row["name"]].value} if scores else {})
            for objective in self.composites
            for row in self._rows(objective)
        ]

    def _rows(self, objective: str) -> list[dict[str, Any]]:
        found = self.composites[objective]
        rows = zip(found.members, found.means, found.deviations, strict=True)
        return [
            {"name": name, "weight": weight, "mean": mean, "deviation": deviation}
            for (name, weight), mean, deviation in rows
        ]

    def _restored(self, statistics: str) -> dict[str, Composite]:
        try:
            rows = parse_json(statistics)
            by_objective = rows if len(self.objectives) > 1 else {self.objectives[0].name: rows}
            return {name: _composite(members, by_objective[name]) for name, members in self._formulas.items()}
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            text = self._run.settings.fitness
            raise EvonasError(f"the stored statistics of {text!r} cannot be read: {error}") from None


def _composite(members: tuple[Member, ...], rows: list[dict[str, Any]]) -> Composite:
    if [(row["name"], row["weight"]) for row in rows] != list(members):
        raise ValueError("they belong to other proxies")
    means, deviations = (tuple(float(row[key]) for row in rows) for key in ("mean", "deviation"))
    return Composite(members, means, deviations)
