"""The output of ``evonas latency-model``."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from evonas.core.quantities import number, plural
from evonas.reporting.blocks import Blocks, Row
from evonas.searching.latency.model import LatencyModel


def latency_model_table(result: LatencyModel) -> RenderableType:
    """The cost of each operation, and the error on networks that the costs were not fitted on."""
    rows = [Row("constant", [number(result.constant)])]
    rows += [Row(name, [number(cost)]) for name, cost in sorted(result.costs.items(), key=lambda pair: -pair[1])]
    error = result.error
    return Group(
        Text(f"{result.column}: costs fitted on {plural(result.networks, 'network')} of {result.space}", "bold"),
        Blocks("operation", ["cost"], rows),
        Text(
            f"on {plural(error.networks, 'other network')}: mean error {number(error.mean)}, largest "
            f"{number(error.largest)}; standard deviation of the latencies {number(error.spread)}",
            style="bold",
        ),
    )
