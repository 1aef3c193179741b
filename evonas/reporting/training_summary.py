"""A short summary of a directory that holds a training without a search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.core.files import read_json
from evonas.evaluation.result import Evaluation
from evonas.evaluation.stored import stored_in
from evonas.store.nearby import TRAINING
from evonas.store.queries import DATABASE
from evonas.training.data_identity import data_in_words
from evonas.training.metrics import EpochRow, kept, read_csv
from evonas.training.settings import TrainSettings
from spaces import spaces


@dataclass(frozen=True)
class TrainingSummary:
    """The summary of a training, finished or not."""

    path: Path
    settings: TrainSettings
    stage: str  # training, trained or evaluated
    params: int
    flops: int
    history: list[EpochRow]
    trained: dict[str, Any] | None  # train/result.json, once the training is finished
    evaluation: Evaluation | None  # once there is one
    note: str  # why an existing evaluation.json is not shown

    @property
    def data(self) -> str:
        """Classes and digests of the images that the network was trained on; empty where they are not known."""
        return data_in_words(self.trained)

    def as_json(self) -> dict[str, Any]:
        """The shape that ``evonas show --json`` prints: that of a search without generations, and the epochs."""
        size = {"params": self.params, "flops": self.flops}
        return {
            "run": str(self.path),
            "stage": self.stage,
            "generation": -1,
            "evaluations": 0,
            "cache_hits": 0,
            "best": {"genotype": self.settings.genotype, "score": None, **size},
            "history": [],
            "epochs": [row._asdict() for row in self.history],
            "kept": kept(self.history).epoch if self.history else None,
            "trained": self.trained,
            "evaluation": None if self.evaluation is None else self.evaluation.as_json(),
            "note": self.note or None,
            "settings": self.settings.as_dict(),
        }


def holds_training(run: Path) -> bool:
    """Whether ``run`` holds a training and no search."""
    return not (run / DATABASE).is_file() and (run / TRAINING).is_file()


def summarise_training(run: Path) -> TrainingSummary:
    """The summary of the training in ``run``. Raises `EvonasError` for a file that cannot be read."""
    from evonas.training.train_stage import settings_of

    settings = settings_of(run)
    space = spaces[settings.space]
    genotype = space.parse(settings.genotype)
    trained, measured = read_json(run / "train" / "result.json"), stored_in(run)
    stage = "training" if trained is None else "trained" if measured.content is None else "evaluated"
    return TrainingSummary(
        path=run,
        settings=settings,
        stage=stage,
        params=space.params(genotype, settings.size),
        flops=space.flops(genotype, settings.size),
        history=read_csv(run / "train" / "metrics.csv"),
        trained=trained,
        evaluation=measured.content,
        note=measured.note,
    )
