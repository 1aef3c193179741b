"""The Pareto front: the first objective against each of the others, and the hypervolume by generation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.reporting.facts import Facts
from evonas.store.headline import picked_in_words

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """Networks with a value of every objective, in two of them."""

    x_name: str
    y_name: str
    x: Series
    y: Series
    front: list[tuple[int, float, float]]  # birth, x and y of the members, by x
    headline: tuple[int, float, float]  # a member
    picked_by: str  # what makes it the headline, in words
    whole: bool  # whether there is no third objective, so that the members are a line


def planes(facts: Facts) -> list[Plane]:
    """One for each objective after the first; none of a search with one objective, or before the first score."""
    names = [objective.name for objective in facts.summary.objectives]
    signs = np.array([objective.sign for objective in facts.summary.objectives])
    members = facts.summary.front
    if len(names) < 2 or not members:
        return []
    values = signs * np.array([gains for _, _, gains in facts.gains])  # (networks, objectives)
    title = picked_in_words(facts.summary.objectives, facts.summary.settings.pick)
    found = []
    for column, name in enumerate(names[1:], start=1):
        front = [(one.birth, float(one.values[name] or 0), float(one.values[names[0]] or 0)) for one in members]
        x, y = values[:, column], values[:, 0]
        best = next(member for member in front if facts.summary.best and member[0] == facts.summary.best.birth)
        by_x = sorted(front, key=lambda member: member[1])
        found.append(Plane(name, names[0], x, y, by_x, best, title, len(names) == 2))
    return found


def volumes(facts: Facts) -> tuple[Series, Series] | None:
    """Generations with their hypervolume; None of a search with one objective, or of a single generation."""
    pairs = zip(facts.summary.history, facts.summary.hypervolume, strict=False)  # none of one objective
    found = [(row.generation, volume) for row, volume in pairs if volume is not None]
    if len(found) < 2:
        return None
    generations, values = zip(*found, strict=True)
    return np.array(generations, dtype=np.float64), np.array(values, dtype=np.float64)
