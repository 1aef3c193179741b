"""The metrics of a training, one row per epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from evonas.core.atomic_files import UNTOUCHED, replace_text
from spaces.errors import EvonasError

MAX_METRICS_BYTES = 2**24


class EpochRow(NamedTuple):
    """One row of metrics.csv."""

    epoch: int  # from 1
    lr: float  # in its last step
    loss: float  # mean over the epoch
    accuracy: float  # on the training images as used, augmented or attacked
    validation: float  # accuracy on the validation images
    robust: float | None  # under what the recipe trains against, see `Recipe.judged`; None for nothing
    seconds: float
    adversary_steps: int = 0  # that the training attack took

    @property
    def chosen_by(self) -> float:
        """The metric that selects the best epoch."""
        return self.validation if self.robust is None else self.robust


def kept(rows: Sequence[EpochRow]) -> EpochRow:
    """The best epoch, whose weights are kept; the latest among equals."""
    return max(rows, key=lambda row: (row.chosen_by, row.epoch))


def write_csv(path: Path, rows: Iterable[EpochRow], advice: str = UNTOUCHED) -> None:
    """Replace the table at ``path`` in one step."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(EpochRow._fields)
    table.writerows(rows)
    replace_text(path, text.getvalue(), advice)


def read_csv(path: Path) -> list[EpochRow]:
    """The table at ``path``; no rows where there is none. Raises `EvonasError` if it cannot be read."""
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
