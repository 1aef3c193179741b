"""Trainings on an engine in words: what they cost, what each reached, how long they still take."""

from __future__ import annotations

from evonas.core.quantities import duration, percent, plural
from evonas.evaluation.columns import CLEAN
from evonas.tabulating.events import NetworkTabulated, TabulationStarted


def cost(event: TabulationStarted) -> str:
    """What is to be done, and about how long it takes."""
    done = f", {event.done} of them finished" if event.done else ""
    what = f"{event.table}: {plural(event.total, 'training')} of {plural(event.genotypes, 'genotype')}{done}"
    if event.seconds is None or event.remaining is None:
        return f"{what}; time unknown"
    workers = f", {duration(event.remaining)} on {event.workers} workers" if event.workers > 1 else ""
    return f"{what}; about {duration(event.seconds)} of computing{workers}"


def network(event: NetworkTabulated) -> str:
    """Its accuracies without those on corrupted images, and its time."""
    if event.reason:
        return f"failed ({event.reason})"
    shown = [f"{name} {percent(value)}" for name, value in event.values.items() if name == CLEAN or "@" in name]
    return f"{', '.join(shown)}, {duration(event.seconds)}"


def eta(seconds: float | None) -> str:
    return f"ETA {'-' if seconds is None else duration(seconds)}"
