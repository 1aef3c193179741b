"""The output of ``evonas bench``."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evonas.core.quantities import count, duration, memory
from evonas.reporting.columns import SHORTEST_NAME, number_columns
from evonas.speed import Measurement

UNITS = {"score": "arch", "train": "img"}


def speed(measured: Measurement) -> RenderableType:
    """The limits of the device, and the speed of scoring and training."""
    limits, work = measured.limits, measured.work
    ideal = limits.seconds(work)
    by_bytes = work.bytes / limits.bytes_per_second > work.flops / limits.flops_per_second
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("how", overflow="fold", min_width=SHORTEST_NAME)
    number_columns(table, "per second", "each", "slowest", "ratio", "roofline", "memory")
    for row in measured.rows:
        table.add_row(
            row.how,
            f"{row.per_second:.3g} {UNITS[row.what]}",
            duration(row.seconds),
            duration(row.slowest),
            f"{row.ratio:.2f}",
            "-" if row.fraction is None else f"{row.fraction:.0%}",
            "-" if row.memory is None else memory(row.memory),
        )
    head = (
        f"{measured.device}, torch {measured.torch}: copies {count(limits.bytes_per_second)}B/s, "
        f"multiplies {count(limits.flops_per_second)}FLOP/s (float32)"
    )
    asked = (
        f"{measured.proxy} at C={measured.channels}, L={measured.layers}: {memory(work.bytes)} moved, "
        f"{count(work.flops)}FLOP, so at best {duration(ideal)} by its {'bytes' if by_bytes else 'arithmetic'}"
    )
    tail = f"median of {measured.rounds} interleaved rounds; roofline: fraction of the limit; memory: peak"
    return Group(Text(head, "bold"), Text(asked), table, Text(tail, style="dim"))
