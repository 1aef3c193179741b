"""The JSON file that `evonas calibrate --out` writes and ``--proxy file:PATH`` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evonas.core.digested_file import DigestedFile
from fitness import proxies
from fitness.composite import Composite, Member


@dataclass(frozen=True)
class FitnessFile(DigestedFile):
    """A composite with its statistics, the versions of its proxies, and the evidence for it."""

    kind = "fitness"
    command = "evonas calibrate"
    repair = "calibrate again"

    target: str  # what it predicts
    space: str
    composite: Composite
    versions: Mapping[str, int]
    evidence: Mapping[str, Any]  # as JSON; nothing is computed from it

    def content(self) -> dict[str, Any]:
        columns = (self.composite.members, self.composite.means, self.composite.deviations)
        return {
            "target": self.target,
            "space": self.space,
            "sum": [
                {
                    "proxy": name,
                    "version": self.versions[name],
                    "weight": weight,
                    "mean": mean,
                    "deviation": deviation,
                }
                for (name, weight), mean, deviation in zip(*columns, strict=True)
            ],
            "evidence": dict(self.evidence),
        }

    @classmethod
    def of_content(cls, content: Any) -> FitnessFile:
        return cls(
            _text(content["target"]),
            _text(content["space"]),
            _composite(content["sum"]),
            {_text(row["proxy"]): int(row["version"]) for row in content["sum"]},
            dict(content["evidence"]),
        )


def _composite(rows: Any) -> Composite:
    names = [_text(row["proxy"]) for row in rows]
    for name in names:
        proxies[name]
    return Composite(
        tuple(Member(name, float(row["weight"])) for name, row in zip(names, rows, strict=True)),
        tuple(float(row["mean"]) for row in rows),
        tuple(float(row["deviation"]) for row in rows),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, not {value!r}")
    return value
