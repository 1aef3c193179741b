"""The result of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.core.files import write_json
from evonas.core.shell import resuming
from evonas.searching.measure import Measure
from evonas.store.individual import Individual
from evonas.store.objective import Objective
from evonas.store.queries import BEST

if TYPE_CHECKING:
    from evonas.evaluation.controls import Comparison
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
    objectives: tuple[Objective, ...] = ()
    front: tuple[Individual, ...] = ()  # the Pareto front, best first objective first; of one objective the best
    pick: str | None = None  # the objective that ``best`` is the best by; None: the first
    latest: bool = False  # ``best`` is the latest birth instead, as the algorithm has it
    seconds_per_generation: float | None = None  # after the first population
    trained: Trained | None = None  # training of the best genotype, after a final stage
    evaluation: Evaluation | None = None  # evaluation of its robustness
    controls: Comparison | None = None  # against random genotypes of its size


def write_best(
    run: Path, measure: Measure, front: Sequence[Individual], best: Individual, pick: str | None
) -> None:
    """Write best.json: the best individual, and the front of several objectives with what picked it."""
    content: dict[str, Any] = {"genotype": str(best.genotype), "score": best.score, "proxy": measure.proxy}
    content |= {"params": best.params, "flops": best.flops, "birth": best.birth}
    if measure.is_composite:
        content["members"] = measure.members(best.key)
    if len(measure.objectives) > 1:
        content["objectives"] = [objective._asdict() for objective in measure.objectives]
        content["front"] = [one.as_json() for one in front]
        content |= {} if pick is None else {"pick": pick}
    write_json(run / BEST, content, resuming(run))
