"""One line of what `evonas bench` measures."""

from __future__ import annotations

from dataclasses import dataclass

from evonas.speed.clock import Timing


@dataclass(frozen=True)
class Row:
    """One row of the benchmark; times in seconds."""

    what: str  # "score" or "train"
    how: str  # where the engine computes, or the batch
    engine: str | None
    per_second: float  # architectures, or images
    seconds: float  # of one, by the median round
    fastest: float
    slowest: float
    ratio: float  # speed relative to the first row of its kind
    fraction: float | None  # of the roofline; None where several processes share it
    networks: int | None  # in one pass; None for training
    memory: int | None  # bytes at the peak, of the processes that compute or on the GPU; None where unknown
    difference: float | None  # largest, relative, from scores in float64; None for training

    @classmethod
    def of(
        cls,
        what: str,
        how: str,
        timing: Timing,
        units: int,
        first: float,
        *,
        engine: str | None = None,
        ideal: float | None = None,
        networks: int | None = None,
        memory: int | None = None,
        difference: float | None = None,
    ) -> Row:
        """The row of a call that does ``units`` of work, each taking at least ``ideal`` seconds.

        ``first`` is what one took in the first row of its kind.
        """
        one = timing.median / units
        return cls(
            what=what,
            how=how,
            engine=engine,
            per_second=1 / one,
            seconds=one,
            fastest=min(timing.seconds) / units,
            slowest=max(timing.seconds) / units,
            ratio=first / one,
            fraction=None if ideal is None else ideal / one,
            networks=networks,
            memory=memory,
            difference=difference,
        )
