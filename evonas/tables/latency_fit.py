"""Fits the cost of each operation to a table of latencies, and says how well it predicts other networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.core.strict_json import parse_json
from evonas.data.tables.kinds import TIME, kind_of
from evonas.data.tables.table import Table, read_table
from evonas.searching.latency.model import LatencyError, LatencyModel, counts
from evonas.tables.latencies import P95
from evonas.tables.sidecar import settings_of, sidecar_of
from spaces import Space, spaces
from spaces.errors import UsageError, shorten

FITTED = 0.8  # of the networks by default; the others give the error
BETTER = 0.95  # costs by source must have at most this share of the error of costs without it
LEAST = 4  # networks

Floats = NDArray[np.float64]


def fit(
    path: Path,
    column: str | None,
    sample: int | None,
    seed: int,
    space_name: str | None,
    architecture: str | None,
) -> LatencyModel:
    """The model of ``column`` by least squares on ``sample`` networks drawn by ``seed``; others give its error.

    The column is by default the only one of times, without that of 95th percentiles next to it.
    Operations on the inputs of a cell have costs of their own if that predicts better. Raises `UsageError` for a
    table that lacks the column, or has too few networks.
    """
    sidecar = sidecar_of(path)
    space = spaces[settings_of(path, {"space": space_name}).space]
    column = _only_times(read_table(path, space, architecture)) if column is None else column
    settings = {} if sidecar is None else {**sidecar.settings, **_measured(sidecar.path, column)}
    table = read_table(path, space, architecture, only=[column])
    values = _values(table, column)
    rows = np.flatnonzero(np.isfinite(values))
    count = int(FITTED * len(rows)) if sample is None else sample
    if not LEAST <= count < len(rows):
        raise UsageError(
            f"a latency model is fitted on {LEAST} or more networks, and others give its error: {path} has "
            f"{len(rows)} with a number in {shorten(column)}, of which --sample asks for {count}"
        )
    drawn = np.random.default_rng(seed).permutation(rows)
    fitted, others = drawn[:count], drawn[count:]
    models = [_model(table, values, column, fitted, others, by_source, settings) for by_source in (False, True)]
    plain, detailed = models
    return detailed if detailed.error.mean < BETTER * plain.error.mean - _rounding(values[rows]) else plain


def _only_times(table: Table) -> str:
    """The only column of times. Raises `UsageError` if there is none or more than one."""
    names = [name for name in table.columns if kind_of(name) is TIME and not name.endswith(P95)]
    if len(names) != 1:
        there = f"the columns {', '.join(names)} are times" if names else "no column is a time by its name"
        raise UsageError(f"{table.path}: {there}; name the one to fit with --column")
    return names[0]


def _measured(sidecar: Path, column: str) -> dict[str, Any]:
    """What was measured where, as `evonas tabulate --latency` has written it."""
    try:
        about = parse_json(sidecar.read_text(encoding="utf-8"))["latency"][column.removesuffix(P95)]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {"latency": about}


def _values(table: Table, column: str) -> Floats:
    if column in table.unreadable:
        raise UsageError(f"{table.path}: column {shorten(column)} has no numbers: {table.unreadable[column]}")
    return table.columns[column]


def _rounding(values: Floats) -> float:
    """An error that is only that of the digits in the table."""
    return float(1e-4 * np.abs(values).mean())


def _model(
    table: Table,
    values: Floats,
    column: str,
    fitted: NDArray[np.int64],
    others: NDArray[np.int64],
    by_source: bool,
    settings: dict[str, Any],
) -> LatencyModel:
    space = table.space
    counted = {int(i): counts(table.genotypes[i], space, by_source) for i in (*fitted, *others)}
    names = sorted({name for i in fitted for name in counted[int(i)]})
    design = _design([counted[int(i)] for i in fitted], names)
    solution: Floats = np.linalg.lstsq(design, values[fitted], rcond=None)[0].astype(np.float64)
    constant, costs = _readable(solution, names, table.genotypes[int(fitted[0])], space)
    known = [i for i in others if counted[int(i)].keys() <= {*names}]
    if not known:
        raise UsageError(f"{table.path}: no other network has only the operations of the fitted ones; fit on more")
    guessed = _design([counted[int(i)] for i in known], names) @ solution
    apart = np.abs(guessed - values[known])
    error = LatencyError(len(known), float(apart.mean()), float(apart.max()), float(values[known].std()))
    return LatencyModel(space.name, column, constant, costs, by_source, len(fitted), error, settings)


def _design(counted: Sequence[Counter[str]], names: Sequence[str]) -> Floats:
    """float64 (networks, 1 + operations): a one for the constant, and the counts."""
    return np.array([[1, *(one[name] for name in names)] for one in counted], dtype=np.float64)


def _readable(
    solution: Floats, names: Sequence[str], genotype: Any, space: Space
) -> tuple[float, dict[str, float]]:
    """Constant and costs, moved so that the cheapest operation of each cell costs nothing.

    Cells that a search writes have equally many edges, so that this changes no prediction for them.
    """
    constant, costs = float(solution[0]), dict(zip(names, map(float, solution[1:]), strict=True))
    for graph in space.graphs(genotype):
        mine = [name for name in names if name.startswith(f"{graph.title}: ")]
        least = min(costs[name] for name in mine)
        constant += least * len(graph.arrows)
        costs |= {name: costs[name] - least for name in mine}
    return constant, costs
