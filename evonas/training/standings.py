"""The journal of the finalists of a run: what each of them reached in every round."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from evonas.core.strict_json import parse_json
from spaces.errors import EvonasError

JOURNAL = "finalists.json"


class Standing(NamedTuple):
    """What a finalist reached in its last round: accuracies on the images held out."""

    birth: int
    rounds: int
    robust: float  # under PGD-10
    validation: float


def recorded(run: Path) -> dict[str, dict[str, float]]:
    """The lines of the journal by round, birth and digest of the settings, ``1-12-a1b2c3d4``; none without one.

    Raises `EvonasError` if it cannot be read.
    """
    path = run / JOURNAL
    if not path.exists():
        return {}
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
        return {
            key: {name: float(value[name]) for name in ("robust", "validation")} for key, value in found.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise EvonasError(f"{path} cannot be read: {error}; rename it to repeat the competition") from None


def standings(run: Path) -> list[Standing]:
    """The finalists of a run, the one that got farthest first. Raises `EvonasError` as `recorded` does."""
    last: dict[int, Standing] = {}
    for key, line in recorded(run).items():
        try:
            number, birth, _ = key.split("-")
            found = Standing(int(birth), int(number), **line)
        except ValueError as error:
            raise EvonasError(f"{run / JOURNAL} cannot be read: {error}") from None
        if found.birth not in last or found.rounds >= last[found.birth].rounds:
            last[found.birth] = found
    return sorted(last.values(), key=lambda one: (-one.rounds, -one.robust, -one.validation))
