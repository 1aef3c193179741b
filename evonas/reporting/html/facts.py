"""The data of the report of a run."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.final.evaluation.target import BEST
from evonas.final.metrics import EpochRow
from evonas.final.plan import FinalPlan, plan_of
from evonas.final.settings import TrainSettings
from evonas.history import Births, Operations, Step, births, lineage, operations
from evonas.store import Run
from evonas.summary import Summary, summary_of
from spaces import spaces
from spaces.errors import EvonasError
from spaces.graph import CellGraph

MAX_METRICS_BYTES = 2**24


@dataclass(frozen=True)
class Facts:
    """The data of a run, finished or not."""

    path: Path
    summary: Summary
    births: Births
    winner: int | None  # birth of the network that was trained, or of the best score
    lineage: list[Step]
    operations: Operations | None
    graphs: list[CellGraph]
    epochs: list[EpochRow]
    training: TrainSettings | None
    plan: FinalPlan | None
    evaluation: Mapping[str, Any] | None
    device: str
    data_dir: str | None
    dataset: str | None = None  # the place that a folder of images was moved to


def gather(path: Path, device: str = "auto", data_dir: str | None = None, dataset: str | None = None) -> Facts:
    """The facts of the run at ``path``, even while it is running. Raises `EvonasError` for unreadable files."""
    with Run.read(path) as store:
        summary = summary_of(store)
        training = _training(path)
        known = births(store)
        winner = summary.best.birth if summary.best else None
        if training is not None:
            winner = store.birth_of(training.genotype, winner)
        steps = [] if winner is None else lineage(store, winner, known)
        found = operations(store, known) if len(known) else None
        plan = plan_of(store)
    space = spaces[summary.settings.space]
    return Facts(
        path=path,
        summary=summary,
        births=known,
        winner=winner,
        lineage=steps,
        operations=found,
        graphs=space.graphs(space.parse(steps[-1].genotype)) if steps else [],
        epochs=_epochs(path / "train" / "metrics.csv"),
        training=training,
        plan=plan,
        evaluation=summary.evaluation,
        device=device,
        data_dir=data_dir,
        dataset=dataset,
    )


def _training(path: Path) -> TrainSettings | None:
    """The training settings of the best checkpoint, once there is one."""
    if not (path / BEST).is_file():
        return None
    from evonas.final import checkpoint

    return checkpoint.header_of(path / BEST).settings


def _epochs(path: Path) -> list[EpochRow]:
    try:
        if path.stat().st_size > MAX_METRICS_BYTES:
            raise ValueError("it is too large for a table of epochs")
        with path.open(encoding="utf-8", newline="") as file:
            return [_epoch(row) for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise EvonasError(f"{path} cannot be read: {error}") from None


def _epoch(row: Mapping[str, str]) -> EpochRow:
    numbers = {name: float(row[name]) for name in ("lr", "loss", "accuracy", "validation", "seconds")}
    robust = float(row["robust"]) if row["robust"] else None
    return EpochRow(
        epoch=int(row["epoch"]), robust=robust, adversary_steps=int(row["adversary_steps"] or 0), **numbers
    )
