"""A part of the trainings of a table, which a job of a cluster does by itself, and joining the parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from evonas.core.locks import held
from evonas.tabulating.job import Job, Outcome
from evonas.tabulating.journal import TrainingFile
from evonas.tabulating.place import OF_SHARD, Place
from evonas.tabulating.plan import Plan
from spaces.errors import UsageError, shorten

MAX_SHARDS = 100_000
_FORM = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


class Shard(NamedTuple):
    """Every ``of``-th training, from the ``number``-th on."""

    number: int  # from 1
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """A shard as I/N. Raises `UsageError` unless 1 <= I <= N."""
        found = _FORM.fullmatch(text)
        shard = cls(*map(int, found.groups())) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.of <= MAX_SHARDS:
            raise UsageError(f"--shard must be I/N, such as 1/8 to 8/8, not {shorten(text)}")
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def directory(self) -> str:
        """The name of its directory among the trainings of the table."""
        return f"{OF_SHARD}{self.number}-of-{self.of}"

    def part(self, jobs: Sequence[Job]) -> tuple[Job, ...]:
        """Its trainings among ``jobs``."""
        return tuple(jobs[self.number - 1 :: self.of])


def join(place: Place, plan: Plan, kept: TrainingFile) -> dict[Job, Outcome]:
    """Move the finished trainings of all shards to ``kept``, the unfinished ones next to it; returns the former.

    Raises `EvonasError` if a shard is running, `UsageError` if one belongs to another table or sample.
    """
    found: dict[Job, Outcome] = {}
    for part in place.shards:
        with held(part.work):
            finished = begun(part, plan)
            for outcome in finished.values():
                kept.add(outcome)
            place.take(part)
        part.discard()
        found |= finished
    return found


def begun(place: Place, plan: Plan) -> dict[Job, Outcome]:
    """The finished trainings at ``place``. Raises `UsageError` if some do not belong to ``plan``."""
    with TrainingFile(place.journal) as kept:
        if kept.empty:
            return {}
        plan.require(kept.identity, str(place.work))
        found = kept.known(plan.columns)
        plan.require_jobs(found, str(place.work))
        return found
