"""The JSON file that `evonas calibrate --out` writes and ``--proxy file:PATH`` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from evonas.core.atomic_files import replace_text
from evonas.core.digests import digest
from evonas.core.strict_json import parse_json
from fitness import proxies
from fitness.composite import Composite, Member
from spaces import UsageError

FORMAT = 1


@dataclass(frozen=True)
class FitnessFile:
    """A composite with its statistics, the versions of its proxies, and the evidence for it."""

    target: str  # what it predicts
    space: str
    composite: Composite
    versions: Mapping[str, int]
    evidence: Mapping[str, Any]  # as JSON; nothing is computed from it

    def as_dict(self) -> dict[str, Any]:
        """As JSON; ``sha256`` is that of the rest."""
        columns = (self.composite.members, self.composite.means, self.composite.deviations)
        content = {
            "format": FORMAT,
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
        return {**content, "sha256": digest(content)}

    @cached_property
    def sha256(self) -> str:
        """The digest of everything else in the file."""
        return str(self.as_dict()["sha256"])

    def write(self, path: Path) -> None:
        """Replace ``path`` in one step."""
        replace_text(path, json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n")

    @classmethod
    def read(cls, path: Path, advice: str = "") -> FitnessFile:
        """Raises `UsageError` for a file that is missing, damaged or of another kind."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
            raise UsageError(f"the fitness {str(path)!r} {what}{advice and f'; {advice}'}") from None
        try:
            content = parse_json(text)
            if content["format"] != FORMAT:
                raise UsageError(f"{path} has format {content['format']!r}; this version reads format {FORMAT}")
            found = cls(
                _text(content["target"]),
                _text(content["space"]),
                _composite(content["sum"]),
                {_text(row["proxy"]): int(row["version"]) for row in content["sum"]},
                dict(content["evidence"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{path} is not a fitness that evonas calibrate wrote: {error!r}") from None
        if found.sha256 != content.get("sha256"):
            raise UsageError(
                f"{path} has changed since it was written: its digest does not match; calibrate again"
            )
        return found


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
