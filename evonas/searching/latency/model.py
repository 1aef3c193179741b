"""A latency as a sum over the operations of a cell: the JSON file that a table of measured latencies gives."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from evonas.core.atomic_files import replace_text
from evonas.core.digests import digest
from evonas.core.strict_json import parse_json
from spaces import Space
from spaces.errors import UsageError

FORMAT = 1
FROM_INPUT = " from an input"  # of an operation whose source is an input of its cell, such as a strided one


@dataclass(frozen=True)
class LatencyError:
    """How far the model is from the measured latencies of networks that it was not fitted on, in their unit."""

    networks: int
    mean: float  # absolute error
    largest: float
    spread: float  # standard deviation of the latencies themselves


@dataclass(frozen=True)
class LatencyModel:
    """constant + sum over the edges of the cost of their operations, in the unit of the table."""

    space: str
    column: str
    constant: float
    costs: Mapping[str, float]  # by cell and operation, see `counts`
    by_source: bool  # whether operations on inputs of a cell have costs of their own
    networks: int  # that it was fitted on
    error: LatencyError
    settings: Mapping[str, Any] = field(default_factory=dict)  # size of the measured networks, where it is known

    def of(self, genotype: Any, space: Space) -> float:
        """The latency of a genotype. Raises `KeyError` for an operation without a cost."""
        counted = counts(genotype, space, self.by_source)
        return self.constant + sum(self.costs[name] * count for name, count in counted.items())

    def as_dict(self) -> dict[str, Any]:
        """As JSON; ``sha256`` is that of the rest."""
        content = {
            "format": FORMAT,
            "space": self.space,
            "column": self.column,
            "constant": self.constant,
            "costs": dict(self.costs),
            "by_source": self.by_source,
            "networks": self.networks,
            "error": vars(self.error),
            "settings": dict(self.settings),
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
    def read(cls, path: Path, advice: str = "") -> LatencyModel:
        """Raises `UsageError` for a file that is missing, damaged or of another kind."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
            raise UsageError(f"the latency model {str(path)!r} {what}{advice and f'; {advice}'}") from None
        try:
            content = parse_json(text)
            if content["format"] != FORMAT:
                raise UsageError(f"{path} has format {content['format']!r}; this version reads format {FORMAT}")
            apart = content["error"]
            found = cls(
                str(content["space"]),
                str(content["column"]),
                float(content["constant"]),
                {str(name): float(cost) for name, cost in content["costs"].items()},
                bool(content["by_source"]),
                int(content["networks"]),
                LatencyError(
                    int(apart["networks"]), float(apart["mean"]), float(apart["largest"]), float(apart["spread"])
                ),
                dict(content["settings"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"{path} is not a latency model that evonas latency-model wrote: {error!r}") from None
        if found.sha256 != content.get("sha256"):
            raise UsageError(f"{path} has changed since it was written: its digest does not match; write it again")
        return found


def counts(genotype: Any, space: Space, by_source: bool) -> Counter[str]:
    """How often each cell of a genotype has each operation, by ``normal cell: sep_conv_3x3``.

    ``by_source`` counts operations on the inputs of a cell apart.
    """
    return Counter(
        f"{graph.title}: {arrow.operation}{FROM_INPUT * (by_source and arrow.source < graph.inputs)}"
        for graph in space.graphs(genotype)
        for arrow in graph.arrows
    )
