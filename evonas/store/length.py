"""When a resolved search ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evonas.store.settings import SearchSettings


def ended(settings: SearchSettings, generation: int, evaluations: int) -> bool:
    """Whether a search ends after this generation and number of evaluations."""
    last, most = settings.generations, settings.evaluations
    return (last is not None and generation >= last) or (most is not None and evaluations >= most)


def length(settings: SearchSettings) -> str:
    """The limits of the length of a search in words."""
    limits = {"generations": settings.generations, "evaluations": settings.evaluations}
    return ", ".join(f"{limit} {name}" for name, limit in limits.items() if limit is not None)
