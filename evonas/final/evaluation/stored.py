"""An evaluation that was written earlier, and whether it is of the weights that are there now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.advice import command
from evonas.files import read_json
from evonas.final.evaluation.target import Target, in_run
from spaces.errors import EvonasError


@dataclass(frozen=True)
class Stored:
    """What an evaluation found; None where there is none, or one of other weights, which ``note`` then says."""

    content: dict[str, Any] | None
    note: str = ""


def stored(place: Target) -> Stored:
    """The evaluation of the network at ``place``. Raises `EvonasError` for one that cannot be read."""
    found = read_json(place.result)
    note = "" if found is None else outdated(place, found)
    return Stored(None if note else found, note)


def stored_in(run: Path) -> Stored:
    """That of a run."""
    return stored(in_run(run))


def outdated(place: Target, found: Mapping[str, Any]) -> str:
    """What to say of an evaluation of other weights; nothing of one that fits, or of a version that kept none."""
    if found.get("weights") is None or not place.checkpoint.is_file():
        return ""
    from evonas.final.checkpoint import weights_digest

    try:
        if found["weights"] == weights_digest(place.checkpoint):
            return ""
    except EvonasError as error:
        return f"{place.result} is not shown: {error}"
    return (
        f"{place.result} is of other weights than those in {place.checkpoint.name} now (the training went on?); "
        f"{command('evaluate', place.asked)} measures these"
    )
