"""Makes the algorithm of a search from its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numpy.random import Generator

from evonas.searching.algorithm import Admission, Algorithm
from evonas.searching.algorithms import algorithms
from evonas.searching.options import options_of
from evonas.searching.ranks import Joint
from evonas.searching.supplies import Supplies, nothing
from evonas.store.headline import FACT, LATEST
from evonas.store.objective import Objective
from evonas.store.settings import SearchSettings
from spaces import Space


def algorithm_of(
    settings: SearchSettings,
    space: Space,
    admission: Admission,
    objectives: Sequence[Objective],
    rng: Generator,
    proceed: Callable[[], object] = nothing,
    say: Callable[[str], object] = nothing,
) -> Algorithm:
    """The algorithm with its options and supplies; with ``--joint`` it judges individuals by `Joint`."""
    made: Any = algorithms[settings.algorithm](space, admission, objectives, options_of(settings), rng)
    if made.needs_images:
        made.supplies = Supplies(settings, proceed, say)
    if settings.joint:
        made.judge = Joint(objectives)
    return made


def result_of(settings: SearchSettings) -> dict[str, str]:
    """The fact of a run whose result is its latest birth; none of others."""
    return {FACT: LATEST} if algorithms[settings.algorithm].latest else {}
