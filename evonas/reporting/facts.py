"""The data of the report of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evonas.evaluation.result import Evaluation
from evonas.evaluation.target import BEST
from evonas.reporting.summary import Summary, summary_of
from evonas.reporting.training_summary import TrainingSummary, holds_training, summarise_training
from evonas.store.ancestry import Births, Operations, Step, births, lineage, operations
from evonas.store.run import Run
from evonas.training.artefacts import require_directory
from evonas.training.metrics import EpochRow, read_csv
from evonas.training.plan import FinalPlan, plan_of
from evonas.training.settings import TrainSettings
from spaces import Space, spaces
from spaces.graph import CellGraph


@dataclass(frozen=True, kw_only=True)
class TrainingFacts:
    """The data of a training, finished or not."""

    path: Path
    summary: Summary | TrainingSummary
    graphs: list[CellGraph]
    epochs: list[EpochRow]
    training: TrainSettings | None
    evaluation: Evaluation | None
    device: str
    data_dir: str | None
    dataset: str | None = None  # the place that a folder of images was moved to

    @property
    def space(self) -> Space:
        """The space of the genotype."""
        return spaces[self.summary.settings.space]


@dataclass(frozen=True, kw_only=True)
class Facts(TrainingFacts):
    """The data of a search with its training, finished or not."""

    summary: Summary
    births: Births
    winner: int | None  # birth of the network that was trained, or of the best score
    lineage: list[Step]
    operations: Operations | None
    gains: list[tuple[int, int, tuple[float, ...]]]  # see `Records.gains`; none of a search with one objective
    plan: FinalPlan | None


def gather(
    path: Path,
    device: str = "auto",
    data_dir: str | None = None,
    dataset: str | None = None,
    name: str = "report",
) -> TrainingFacts:
    """The facts of the run at ``path``, even while it is running; `Facts` where it is one of a search.

    Raises `EvonasError` for unreadable files, `UsageError` for what ``evonas NAME`` does not take.
    """
    require_directory(path, name)
    if holds_training(path):
        return _of_training(path, device, data_dir, dataset)
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
        gains = list(store.gains()) if len(store.objectives) > 1 else []
    space = spaces[summary.settings.space]
    return Facts(
        path=path,
        summary=summary,
        births=known,
        winner=winner,
        lineage=steps,
        operations=found,
        gains=gains,
        graphs=space.graphs(steps[-1].individual.genotype) if steps else [],
        epochs=read_csv(path / "train" / "metrics.csv"),
        training=training,
        plan=plan,
        evaluation=summary.evaluation,
        device=device,
        data_dir=data_dir,
        dataset=dataset,
    )


def _of_training(path: Path, device: str, data_dir: str | None, dataset: str | None) -> TrainingFacts:
    summary = summarise_training(path)
    space = spaces[summary.settings.space]
    return TrainingFacts(
        path=path,
        summary=summary,
        graphs=space.graphs(space.parse(summary.settings.genotype)),
        epochs=summary.history,
        training=summary.settings,
        evaluation=summary.evaluation,
        device=device,
        data_dir=data_dir,
        dataset=dataset,
    )


def _training(path: Path) -> TrainSettings | None:
    """The training settings of the best checkpoint, once there is one."""
    if not (path / BEST).is_file():
        return None
    from evonas.training import checkpoint

    return checkpoint.header_of(path / BEST).settings
