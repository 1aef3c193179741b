"""One training of a table: what it is, and what comes of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from evonas.core.digests import digest
from evonas.core.signals import Interrupted
from evonas.engine.base import OUT_OF_MEMORY
from evonas.training.divergence import NotFinite
from fitness.population.memory import is_exhaustion
from spaces.errors import EvonasError, shorten

VALIDATION = "validation"
MAX_REASON_CHARS = 200
SAVED = "finished trainings are saved"


class Job(NamedTuple):
    """A training: it depends on nothing else but the settings of the table."""

    genotype: str  # in canonical form
    seed: int

    @property
    def key(self) -> str:
        """The name of its directory while it is not finished."""
        return digest(list(self))[:16]


class Outcome(NamedTuple):
    """The accuracies of a training by column of the table, or why it failed."""

    job: Job
    values: Mapping[str, float]
    reason: str = ""
    seconds: float = 0.0
    final: bool = True  # whether it would fail again


def failure(error: Exception) -> tuple[str, bool]:
    """Why a training failed, and whether it would fail again.

    Raises `EvonasError` where the error is not one of the training: no disk space, an interruption.
    """
    if isinstance(error, Interrupted):
        raise Interrupted(f"interrupted; {SAVED}. Repeat the command to continue") from None
    for cause in _causes(error):
        if isinstance(cause, OSError | sqlite3.Error):
            what = getattr(cause, "strerror", None) or " ".join(str(cause).split())
            raise EvonasError(f"cannot write: {what}; {SAVED}. Free disk space and repeat the command") from error
    if is_exhaustion(error):
        return OUT_OF_MEMORY, False
    if isinstance(error, NotFinite):
        return f"the loss is not finite in epoch {error.epoch}", True
    first = (" ".join(str(error).split("\n")[0].split())) or "no message"
    return shorten(f"{type(error).__name__}: {first}", MAX_REASON_CHARS).strip("'"), True


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
