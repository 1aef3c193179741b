"""Checks that the best network of the search, or the winner of its finalists, was trained."""

from __future__ import annotations

import dataclasses
from operator import itemgetter
from pathlib import Path
from typing import Any

from evonas.core.files import read_json
from evonas.store.individual import Individual
from evonas.store.run import Run
from evonas.training.checkpoint import Checkpoint
from evonas.training.finalists import epochs_before, rounds
from evonas.training.plan import MAX_FINALISTS, plan_of
from evonas.training.settings import TrainSettings
from evonas.training.standings import JOURNAL
from evonas.verification.finding import Finding, judged
from spaces.errors import EvonasError

PART, NAME = "training", "genotype"


def winner(run: Path, store: Run, found: Checkpoint) -> Finding:
    """Compare the trained genotype with the one that follows from the scores or the journal of the finalists.

    The number of finalists comes from the plan of the run, or else from the journal.
    """
    plan, journal = plan_of(store), read_json(run / JOURNAL)
    planned = plan.finalists if plan is not None and len(store.leading(2)) > 1 else 0
    if planned < 2:
        best = store.best()
        if best is not None and str(best.genotype) == found.genotype:
            return judged(PART, NAME, None, "the best genotype of the search")
        if journal is None:
            return judged(PART, NAME, "its genotype is not the best of the search", "")
    elif journal is None:
        return judged(PART, NAME, f"{JOURNAL} is missing, which records the winner of {planned} finalists", "")
    most = min(MAX_FINALISTS, sum(key.startswith("1-") for key in journal))
    sizes = [planned] if planned > 1 else range(2, 1 + most)
    before = epochs_before(store)
    for leading in map(store.leading, sizes):
        if _won(leading, found.settings, journal, before) == found.genotype:
            return judged(PART, NAME, None, f"the winner of the {len(leading)} finalists")
    return judged(PART, NAME, f"its genotype is not the winner of the finalists in {JOURNAL}", "")


def _won(leading: list[Individual], settings: TrainSettings, journal: dict[str, Any], before: int) -> str | None:
    """The winner by the records of each round, see `evonas.training.finalists`; None if a record is missing."""
    standing = list(enumerate(leading))
    plan = rounds(len(leading), settings.chosen.epochs, before)
    for number, (count, epochs) in enumerate(plan, start=1):
        numbers = dataclasses.replace(settings.chosen, epochs=epochs)
        ranked = []
        for place, row in standing[:count]:
            trained = dataclasses.replace(settings, genotype=str(row.genotype), numbers=numbers)
            keys = (f"{number}-{row.birth}-{digest}" for digest in trained.digests)
            line = next((journal[key] for key in keys if key in journal), None)
            if line is None:
                return None
            ranked.append((*_reached(line), -place, row))
        standing = [(-back, row) for *_, back, row in sorted(ranked, reverse=True, key=itemgetter(0, 1, 2))]
    return str(standing[0][1].genotype)


def _reached(line: Any) -> tuple[float, float]:
    try:
        return float(line["robust"]), float(line["validation"])
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        raise EvonasError(f"{JOURNAL} cannot be read: {error}") from None
