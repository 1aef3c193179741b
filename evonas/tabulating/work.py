"""Trainings on an engine, with their cost before and the time left while they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evonas.core.events import Observer, announcing
from evonas.engine import Engine
from evonas.tabulating.events import NetworkTabulated, TabulationStarted
from evonas.tabulating.forecast import Forecast
from evonas.tabulating.job import Job, Outcome

Train = Callable[[Sequence[Job]], Iterator[Outcome]]


@dataclass(frozen=True)
class Work:
    """Trainings with a common name, of which some are finished."""

    name: str  # for messages
    genotypes: int
    total: int  # trainings
    missing: Sequence[Job]
    estimated: Mapping[Job, float] | None = None  # seconds

    def do(
        self, train: Train, engine: Engine, device: str, observer: Observer, keep: Callable[[Outcome], object]
    ) -> None:
        """Train the missing ones on ``engine``; ``keep`` gets each outcome as soon as it arrives.

        Raises `EvonasError` for a full disk, `Interrupted` after SIGINT or SIGTERM.
        """
        with engine.opened(device, announcing(observer)) as opened:
            opened.share(len(self.missing), 1)
            if self.estimated is not None:
                opened.expect(sum(self.estimated.values()) / len(self.missing), len(self.missing))
            forecast = Forecast(self.estimated, len(self.missing), opened.most_workers)
            done = self.total - len(self.missing)
            told = (self.name, self.genotypes, self.total, done, forecast.seconds, forecast.remaining)
            observer(TabulationStarted(*told, opened.most_workers))

            def arrived(outcome: Outcome) -> None:
                nonlocal done
                keep(outcome)
                done += 1
                forecast.add(outcome)
                said = (*outcome.job, outcome.values, outcome.reason, outcome.seconds)
                observer(NetworkTabulated(*said, done, self.total, forecast.remaining))

            for _ in opened.map(train, self.missing, _lost, arrived):
                pass


def _lost(job: Job, reason: str) -> Outcome:
    return Outcome(job, {}, reason, final=False)
