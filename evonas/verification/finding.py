"""The findings of a verification."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAME, CLOSE, KEPT, DIFFERS, UNCHECKED = "same", "close", "kept", "differs", "unchecked"
ROUNDING = 1e-5  # maximum relative difference caused by another order of additions


@dataclass(frozen=True)
class Finding:
    """One check and its result: same, close (rounding, with a reason), different or not checked.

    What was measured is kept: the seals say that it has not changed.
    """

    part: str
    name: str
    status: str
    detail: str

    @property
    def passed(self) -> bool:
        return self.status in (SAME, CLOSE, KEPT)

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"passed": self.passed}


@dataclass(frozen=True)
class Rescored:
    """An individual with its recorded and its recomputed score."""

    birth: int
    genotype: str
    recorded: float | None
    computed: float | None

    @property
    def apart(self) -> float:
        """The relative difference; infinite if one of them is not a number."""
        if self.recorded == self.computed:
            return 0.0
        if self.recorded is None or self.computed is None:
            return float("inf")
        return abs(self.recorded - self.computed) / max(abs(self.recorded), abs(self.computed))


@dataclass(frozen=True)
class Verification:
    """All findings about a run, the recomputed scores, and the differences between machines."""

    path: Path
    findings: tuple[Finding, ...]
    scores: tuple[Rescored, ...] = ()
    reasons: tuple[str, ...] = field(default=())  # why last digits may differ

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The JSON object that ``evonas verify --json`` prints."""
        scores = [dataclasses.asdict(one) | {"same": one.apart == 0} for one in self.scores]
        return {
            "run": str(self.path),
            "passed": self.passed,
            "findings": [finding.as_json() for finding in self.findings],
            "scores": scores,
            "reasons": list(self.reasons),
        }


def judged(part: str, name: str, wrong: str | None, right: str) -> Finding:
    """Different if there is a ``wrong`` message, else the same."""
    return Finding(part, name, SAME if wrong is None else DIFFERS, right if wrong is None else wrong)
