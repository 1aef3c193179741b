"""What a verification finds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAME, CLOSE, DIFFERS, UNCHECKED = "same", "close", "differs", "unchecked"
ROUNDING = 1e-5  # relative; by less than this, machines that add in another order may differ


@dataclass(frozen=True)
class Finding:
    """One question, and the answer: the same; close (by rounding, for a reason); different; or not checked."""

    part: str
    name: str
    status: str
    detail: str

    @property
    def passed(self) -> bool:
        return self.status in (SAME, CLOSE)

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"passed": self.passed}


@dataclass(frozen=True)
class Rescored:
    """An individual, its score as recorded and as computed now."""

    birth: int
    genotype: str
    recorded: float | None
    computed: float | None

    @property
    def apart(self) -> float:
        """The relative difference; infinite if one of them is no number."""
        if self.recorded == self.computed:
            return 0.0
        if self.recorded is None or self.computed is None:
            return float("inf")
        return abs(self.recorded - self.computed) / max(abs(self.recorded), abs(self.computed))


@dataclass(frozen=True)
class Verification:
    """All findings about a run, the scores that were computed again, and what is other than where it was made."""

    path: Path
    findings: tuple[Finding, ...]
    scores: tuple[Rescored, ...] = ()
    reasons: tuple[str, ...] = field(default=())  # why last digits may differ

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The shape that ``evonas verify --json`` prints."""
        scores = [dataclasses.asdict(one) | {"same": one.apart == 0} for one in self.scores]
        return {
            "run": str(self.path),
            "passed": self.passed,
            "findings": [finding.as_json() for finding in self.findings],
            "scores": scores,
            "reasons": list(self.reasons),
        }


def judged(part: str, name: str, wrong: str | None, right: str) -> Finding:
    """Different if there is something ``wrong`` to say, else the same."""
    return Finding(part, name, SAME if wrong is None else DIFFERS, right if wrong is None else wrong)
