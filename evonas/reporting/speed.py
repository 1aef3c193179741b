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
    number_columns(table, "per second", "each", "slowest", "ratio", "roofline", "memory", "error")
    for row in measured.rows:
        table.add_row(
            row.how,
            f"{row.per_second:.3g} {UNITS[row.what]}",
            duration(row.seconds),
            duration(row.slowest),
            f"{row.ratio:.2f}",
            "-" if row.fraction is None else f"{row.fraction:.0%}",
            "-" if row.memory is None else memory(row.memory),
            "-" if row.difference is None else f"{row.difference:.0e}",
        )
    versions = ", ".join(f"{name} {version or 'unknown'}" for name, version in measured.versions.items())
    fast = limits.bfloat16_flops_per_second
    head = (
        f"{measured.device}, {versions}: copies {count(limits.bytes_per_second)}B/s, "
        f"multiplies {count(limits.flops_per_second)}FLOP/s (float32)"
        + (f", {count(fast)}FLOP/s (bfloat16)" if fast else "")
    )
    asked = (
        f"{measured.proxy} at C={measured.channels}, L={measured.layers}: {memory(work.bytes)} moved, "
        f"{count(work.flops)}FLOP, so at best {duration(ideal)} by its {'bytes' if by_bytes else 'arithmetic'}"
    )
    tail = (
        f"median of {measured.rounds} interleaved rounds; roofline: fraction of the limit; memory: peak; error: "
        "largest difference from float64"
    )
    parts: list[RenderableType] = [Text(head, "bold"), Text(asked), table, Text(tail, style="dim")]
    if measured.compiling is not None and measured.failure is None:
        parts.append(Text(f"compiling took {duration(measured.compiling)}", style="dim"))
    if measured.failure is not None:
        parts.append(Text(measured.failure, style="yellow"))
    return Group(*parts, *([_host(measured)] if measured.host else []), _depthwise(measured))


def _host(measured: Measurement) -> Table:
    """What `croze` costs one thread of the host for each network."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("host, per network", overflow="fold")
    number_columns(table, "calls", "drawing", "planning", "launching", "per call")
    for row in measured.host:
        times = [duration(one) for one in (row.drawing, row.planning, row.launching, row.launching / row.calls)]
        how = "the loop" if row.networks is None else f"{row.networks} at once"
        table.add_row(how, f"{row.calls:.0f}", *times)
    return table


def _depthwise(measured: Measurement) -> Table:
    """Depthwise convolutions by layout and precision."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("depthwise", "layout", "precision"):
        table.add_column(name, overflow="fold")
    number_columns(table, "each", "ratio", "roofline")
    for row in measured.kernels:
        cells = (duration(row.seconds), f"{row.ratio:.2f}", f"{row.fraction:.0%}")
        table.add_row(row.kernel, row.layout, row.precision, *cells)
    return table
