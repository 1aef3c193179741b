"""Chooses another headline of a Pareto front in a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evonas.searching.measure import Measure
from evonas.searching.result import write_best
from evonas.store.headline import require_pick
from evonas.store.run import Run


def pick(run: Path, name: str) -> None:
    """Store ``name`` as the ``--pick`` of a run, and write its best.json again; births do not depend on it.

    Raises `UsageError` for a run with one objective and for an unknown one.
    """
    with Run.open(run) as store:
        require_pick(name, store.objectives)
        store.keep(replace(store.settings, pick=name))
        best = store.best()
        if best is not None:
            write_best(run, Measure(store), store.front(), best, name)
