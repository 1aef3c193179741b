"""The result of a search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.store.individual import Individual

if TYPE_CHECKING:
    from evonas.evaluation.result import Evaluation
    from evonas.training.training import Trained


@dataclass(frozen=True)
class SearchResult:
    """The result of a search and its path."""

    path: Path
    best: Individual | None
    generations: int
    evaluations: int
    cache_hits: int
    seconds_per_evaluation: float | None
    device: str
    hall_of_fame: tuple[Any, ...]  # genotypes of different networks, best first
    trained: Trained | None = None  # training of the best genotype, after a final stage
    evaluation: Evaluation | None = None  # evaluation of its robustness
