"""A latency as a sum over the operations of a cell: the JSON file that a table of measured latencies gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evonas.core.digested_file import DigestedFile
from spaces import Space

FROM_INPUT = " from an input"  # of an operation whose source is an input of its cell, such as a strided one


@dataclass(frozen=True)
class LatencyError:
    """How far the model is from the measured latencies of networks that it was not fitted on, in their unit."""

    networks: int
    mean: float  # absolute error
    largest: float
    spread: float  # standard deviation of the latencies themselves


@dataclass(frozen=True)
class LatencyModel(DigestedFile):
    """constant + sum over the edges of the cost of their operations, in the unit of the table."""

    kind = "latency model"
    command = "evonas latency-model"
    repair = "write it again"

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

    def content(self) -> dict[str, Any]:
        return {
            "space": self.space,
            "column": self.column,
            "constant": self.constant,
            "costs": dict(self.costs),
            "by_source": self.by_source,
            "networks": self.networks,
            "error": vars(self.error),
            "settings": dict(self.settings),
        }

    @classmethod
    def of_content(cls, content: Any) -> LatencyModel:
        apart = content["error"]
        return cls(
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


def counts(genotype: Any, space: Space, by_source: bool) -> Counter[str]:
    """How often each cell of a genotype has each operation, by ``normal cell: sep_conv_3x3``.

    ``by_source`` counts operations on the inputs of a cell apart.
    """
    return Counter(
        f"{graph.title}: {arrow.operation}{FROM_INPUT * (by_source and arrow.source < graph.inputs)}"
        for graph in space.graphs(genotype)
        for arrow in graph.arrows
    )
