"""Puts the training of a former winner aside, with what was measured of it."""

from __future__ import annotations

import re
from pathlib import Path

from evonas.core.atomic_files import synchronise
from spaces.errors import EvonasError

SMOOTHING = r"smoothing(-[0-9.e-]+)?\.tsv"  # one for each of several sigmas
_ABOUT_A_WINNER = re.compile(rf"evaluation\.json|{SMOOTHING}|controls(\.json|\.csv)?")


def is_about_the_winner(name: str) -> bool:
    """Whether a file or directory of a run goes where its training goes."""
    return _ABOUT_A_WINNER.fullmatch(name) is not None


def move(training: Path, aside: Path) -> None:
    """Rename the directory ``training`` of a run to ``aside``. Raises `EvonasError` if that fails."""
    run = training.parent
    try:
        for path in sorted(run.iterdir()):
            if is_about_the_winner(path.name):
                path.rename(training / path.name)
        training.rename(aside)  # last, so that a killed process starts here again
        synchronise(run)
    except OSError as error:
        raise EvonasError(f"cannot rename {training}: {error.strerror or error}") from error
