"""Puts the training of a former winner aside, with what was measured of it."""

from __future__ import annotations

from pathlib import Path

from evonas.core.atomic_files import synchronise
from spaces.errors import EvonasError

# what is about a winner
WITH_THE_TRAINING = ("evaluation.json", "smoothing.tsv", "controls.json", "controls.csv", "controls")


def move(training: Path, aside: Path) -> None:
    """Rename the directory ``training`` of a run to ``aside``. Raises `EvonasError` if that fails."""
    run = training.parent
    try:
        for name in WITH_THE_TRAINING:
            if (run / name).exists():
                (run / name).rename(training / name)
        training.rename(aside)  # last, so that a killed process starts here again
        synchronise(run)
    except OSError as error:
        raise EvonasError(f"cannot rename {training}: {error.strerror or error}") from error
