"""Makes the algorithm of a search from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.random import Generator

from evonas.searching.algorithm import Admission, Algorithm
from evonas.searching.algorithms import algorithms
from evonas.searching.options import options_of
from evonas.searching.ranks import Joint
from evonas.store.objective import Objective
from evonas.store.settings import SearchSettings
from spaces import Space


def algorithm_of(
    settings: SearchSettings, space: Space, admission: Admission, objectives: Sequence[Objective], rng: Generator
) -> Algorithm:
    """The algorithm with its options; with ``--joint`` it judges individuals by `Joint`."""
    made: Any = algorithms[settings.algorithm](space, admission, objectives, options_of(settings), rng)
    if settings.joint:
        made.judge = Joint(objectives)
    return made
