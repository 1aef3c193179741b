"""Curves for TensorBoard, written where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.config import SearchSettings
from evonas.final.metrics import EpochRow
from evonas.observer import Observer, Progress
from evonas.rows import GenerationRow

if TYPE_CHECKING:
    from evonas.final.settings import TrainSettings

DIRECTORY = "tensorboard"  # inside a run, or inside its training


class TensorBoard(Observer):
    """Scalars of every generation and every epoch."""

    def __init__(self) -> None:
        self._writer: Any = None

    def _open(self, path: Path, first: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.closed()
        self._writer = SummaryWriter(path / DIRECTORY, purge_step=first)

    def started(
        self, path: Path, settings: SearchSettings, progress: Progress, history: list[GenerationRow], engine: str
    ) -> None:
        self._open(path, progress.generation + 1)

    def generation(self, row: GenerationRow, progress: Progress) -> None:
        values = {"best": row.best, "mean": row.mean, "std": row.std, "best_so_far": row.best_so_far}
        self._add("search", values, row.generation)

    def training(self, path: Path, settings: TrainSettings, history: list[EpochRow], steps: int) -> None:
        self._open(path, len(history) + 1)

    def epoch(self, row: EpochRow) -> None:
        values = {
            name: getattr(row, name) for name in ("lr", "loss", "accuracy", "validation", "robust", "seconds")
        }
        self._add("train", values, row.epoch)

    def _add(self, stage: str, values: dict[str, float | None], step: int) -> None:
        for name, value in values.items():
            if value is not None:
                self._writer.add_scalar(f"{stage}/{name}", value, step)
        self._writer.flush()

    def closed(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
