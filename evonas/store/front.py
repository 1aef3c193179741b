"""The Pareto front: individuals that no other is at least as good as in every objective and better in one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Gains = tuple[float, ...]  # the value of each objective, of which more is better


@dataclass(frozen=True)
class Front(Generic[T]):
    """Members with their gains, the best first objective first; the earlier of equal ones is kept."""

    members: tuple[tuple[Gains, T], ...] = ()

    def after(self, candidates: Iterable[tuple[Gains, T]]) -> Front[T]:
        """The front of the members and ``candidates``; this object itself where none of them joins it."""
        members = list(self.members)
        for gains, candidate in candidates:
            if any(_covers(other, gains) for other, _ in members):
                continue
            members = [(other, one) for other, one in members if not _covers(gains, other)]
            members.append((gains, candidate))
        if len(members) == len(self.members) and all(a is b for a, b in zip(members, self.members, strict=True)):
            return self
        return Front(tuple(sorted(members, key=lambda member: member[0], reverse=True)))

    def __len__(self) -> int:
        return len(self.members)

    @property
    def items(self) -> tuple[T, ...]:
        """The members without their gains."""
        return tuple(one for _, one in self.members)


def _covers(gains: Gains, other: Gains) -> bool:
    return all(mine >= theirs for mine, theirs in zip(gains, other, strict=True))


def spread(items: Sequence[T], count: int, kept: int = 0) -> list[T]:
    """``count`` of the items at equal distances, the first one and the last one among them.

    The item at the place ``kept`` stands for the nearest of them if it is none of them, and comes before them.
    """
    if len(items) <= count:
        places = list(range(len(items)))
    else:
        places = [round(i * (len(items) - 1) / max(1, count - 1)) for i in range(count)]
    if items and kept not in places:
        ends = (0, len(items) - 1)  # stay, where another one is as near
        places.remove(min(places, key=lambda place: (abs(place - kept), place in ends)))
        places.append(kept)
    return [items[place] for place in sorted(places, key=lambda place: (place != kept, place))]
