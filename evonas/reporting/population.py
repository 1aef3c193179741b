"""The population of a search as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from evonas.core.quantities import count, number
from evonas.reporting.colours import operation_style
from evonas.store.individual import Individual
from spaces import Space

WIDE = 100  # columns; wider tables have FLOPs and the parent
NARROW = 56  # columns; narrower tables have no operations


def operations(space: Space, genotype: object) -> Text:
    """The number of uses of each operation, the most frequent first: ``6 sep3 4 skip``."""
    used = Counter(arrow.operation for graph in space.graphs(genotype) for arrow in graph.arrows)
    text = Text(no_wrap=True, overflow="ellipsis")
    for name, times in used.most_common():
        text.append(f"{times} ", style="dim")
        text.append(f"{space.operation(name).short} ", style=operation_style(space, name))
    text.rstrip()
    return text


def population_table(
    population: Sequence[Individual],
    space: Space,
    rows: int,
    width: int,
    best: int | None = None,
    maximise: bool = True,
) -> Table:
    """The best ``rows``: rank, score, size, age in births, operations; ``best`` is the birth to mark."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    wide, narrow = width >= WIDE, width < NARROW
    for name in ("rank", "score", "params", *(["FLOPs", "birth", "of"] if wide else []), "age"):
        table.add_column(name, justify="right", no_wrap=True)
    if not narrow:
        table.add_column("operations", overflow="ellipsis")  # this column is truncated if space is short
    youngest = max((one.birth for one in population), default=0)
    sign = 1.0 if maximise else -1.0
    ranked = sorted(population, key=lambda one: (one.score is None, -sign * (one.score or 0.0), one.birth))
    for rank, one in enumerate(ranked[:rows], start=1):
        cells = [str(rank), number(one.score), count(one.params)]
        if wide:
            cells += [count(one.flops), str(one.birth), "-" if one.parent is None else str(one.parent)]
        cells.append(str(youngest - one.birth))
        shown = [] if narrow else [operations(space, one.genotype)]
        table.add_row(*cells, *shown, style="bold green" if one.birth == best else None)
    return table
