"""A saved evaluation, and whether it belongs to the present weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evonas.core.files import read_json
from evonas.core.shell import command
from evonas.evaluation.result import Evaluation
from evonas.evaluation.settings import EvaluateSettings
from evonas.evaluation.target import Target, in_run
from spaces.errors import EvonasError, shorten


@dataclass(frozen=True)
class Stored:
    """A saved evaluation; None if there is none, or if it belongs to other weights, as ``note`` then says."""

    content: Evaluation | None
    note: str = ""


def read(place: Target) -> Evaluation | None:
    """The saved evaluation of ``place``, or None. Raises `EvonasError` if it cannot be read."""
    rebuild = f"rebuild it with: {command('evaluate', place.asked)}"
    try:
        found = read_json(place.result)
    except EvonasError as error:
        raise EvonasError(f"{error}; {rebuild}") from None
    try:
        return None if found is None else Evaluation.from_json(found)
    except ValueError as error:
        reason = shorten(str(error), 100)
        raise EvonasError(f"{place.result} is not a valid evaluation ({reason}); {rebuild}") from None


def stored(place: Target) -> Stored:
    """The evaluation of the network at ``place``. Raises `EvonasError` if it cannot be read."""
    found = read(place)
    note = "" if found is None else outdated(place, found)
    return Stored(None if note else found, note)


def stored_in(run: Path) -> Stored:
    """The evaluation of a run."""
    return stored(in_run(run))


def settings_in(run: Path, device: str, data_dir: str | None) -> EvaluateSettings | None:
    """The settings of the last evaluation of a run on the test images of its training, also of other weights."""
    found = read(in_run(run))
    if found is None or found.settings is None:
        return None
    settings = EvaluateSettings.from_dict(found.settings, device, data_dir)
    return None if settings.other_data else settings


def outdated(place: Target, found: Evaluation) -> str:
    """The note on an evaluation of other weights; empty if it fits or if an older version stored no digest."""
    if found.weights is None or not place.checkpoint.is_file():
        return ""
    from evonas.training.checkpoint import weights_digest

    try:
        if found.weights == weights_digest(place.checkpoint):
            return ""
    except EvonasError as error:
        return f"{place.result} is ignored: {error}"
    return (
        f"{place.result} belongs to other weights than those in {place.checkpoint.name} now (the training may "
        f"have continued); evaluate these with: {command('evaluate', place.asked)}"
    )
