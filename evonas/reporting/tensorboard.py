"""Curves for TensorBoard, written if it is installed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.core.events import Closed, Listener
from evonas.searching.events import GenerationDone, SearchStarted
from evonas.training.events import EpochDone, TrainingStarted

if TYPE_CHECKING:
    pass

DIRECTORY = "tensorboard"  # inside a run, or inside its training


class TensorBoard(Listener):
    """Scalars of every generation and every epoch; if they cannot be written, ``warn`` is called once."""

    def __init__(self, warn: Callable[[str], object] = lambda text: None) -> None:
        self.warn = warn
        self._writer: Any = None
        self._lost = False

    def _open(self, path: Path, first: int) -> None:
        self._close()
        with self._tolerant():
            from torch.utils.tensorboard import SummaryWriter

            threading.excepthook = (
                _unless_of_tensorboard  # its thread fails if the disk is full, which is reported here
            )
            self._writer = SummaryWriter(path / DIRECTORY, purge_step=first)

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        """Curves are optional: an incompatible package, a full disk or a lack of memory never stops the run."""
        try:
            yield
        except (
            ImportError,
            AttributeError,
            TypeError,
            OSError,
            UnicodeError,
            RuntimeError,
            MemoryError,
        ) as error:  # incompatible versions, disk, file name, thread or memory errors
            self._writer = None
            if not self._lost:
                self.warn(f"TensorBoard curves are not written: {error}")
            self._lost = True

    def started(self, event: SearchStarted) -> None:
        path, progress = event.path, event.progress
        self._open(path, progress.generation + 1)

    def generation(self, event: GenerationDone) -> None:
        row = event.row
        values = {"best": row.best, "mean": row.mean, "std": row.std, "best_so_far": row.best_so_far}
        self._add("search", values, row.generation)

    def training(self, event: TrainingStarted) -> None:
        path, history = event.path, event.history
        self._open(path, len(history) + 1)

    def epoch(self, event: EpochDone) -> None:
        row = event.row
        values = {
            name: getattr(row, name) for name in ("lr", "loss", "accuracy", "validation", "robust", "seconds")
        }
        self._add("train", values, row.epoch)

    def _add(self, stage: str, values: dict[str, float | None], step: int) -> None:
        if self._writer is None:
            return
        with self._tolerant():
            for name, value in values.items():
                if value is not None:
                    self._writer.add_scalar(f"{stage}/{name}", value, step)
            self._writer.flush()

    def closed(self, event: Closed) -> None:
        self._close()

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with self._tolerant():
                writer.close()
        threading.excepthook = threading.__excepthook__


def _unless_of_tensorboard(failed: threading.ExceptHookArgs) -> None:
    """Report exceptions of threads as Python does, except those of TensorBoard."""
    if not type(failed.thread).__module__.startswith("tensorboard."):
        threading.__excepthook__(failed)
