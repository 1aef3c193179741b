"""The hypervolume of a Pareto front: the volume of what it dominates, up to a reference point.

Source: Zitzler and Thiele, "Multiobjective Optimization Using Evolutionary Algorithms", PPSN 1998; computed by
moocore, which DEAP brings. The reference point is the worst value of each objective in the first population.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np

from evonas.core.strict_json import parse_json
from evonas.store.front import Front
from evonas.store.individual import Individual
from evonas.store.objective import REFERENCE, Objective
from evonas.store.queries import Records
from spaces.errors import EvonasError


def reference_fact(population: Iterable[Individual], objectives: Sequence[Objective]) -> dict[str, str]:
    """The reference point as a fact of the run; none for one objective, or where no individual has all values."""
    gains = [gain for one in population if (gain := one.gains(objectives)) is not None]
    if len(objectives) == 1 or not gains:
        return {}
    worst = [
        objective.sign * min(column)
        for objective, column in zip(objectives, zip(*gains, strict=True), strict=True)
    ]
    return {REFERENCE: json.dumps(worst)}


def hypervolumes(store: Records) -> list[float | None]:
    """The hypervolume of all births until each generation; None without a reference point.

    Raises `EvonasError` for a reference point that cannot be read.
    """
    rows = store.generations()
    reference = _reference(store)
    if reference is None:
        return [None] * len(rows)
    front: Front[int] = Front()
    by_generation = {
        generation: [(gains, birth) for _, birth, gains in group]
        for generation, group in groupby(store.gains(), itemgetter(0))
    }
    found: list[float | None] = []
    for row in rows:
        after = front.after(by_generation.get(row.generation, ()))
        found.append(found[-1] if found and after is front else _volume(after, reference))
        front = after
    return found


def _reference(store: Records) -> np.ndarray | None:
    """The gains of the reference point, (objectives,)."""
    fact = store.meta(REFERENCE)
    if fact is None:
        return None
    try:
        values = [float(value) for value in parse_json(fact)]
        return np.array([one.sign * value for one, value in zip(store.objectives, values, strict=True)])
    except (TypeError, ValueError, OverflowError) as error:
        raise EvonasError(f"the reference point of {store.path} cannot be read: {error}") from None


def _volume(front: Front[int], reference: np.ndarray) -> float:
    import moocore

    points = np.array([gains for gains, _ in front.members], dtype=np.float64)  # (members, objectives)
    return float(moocore.hypervolume(-points, ref=-reference)) if len(points) else 0.0
