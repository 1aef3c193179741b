"""``evonas latency-model``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.options import Architecture, AsJson, SpaceOfTable


def latency_model(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV file with architectures and latencies.")],
    column: Annotated[str, typer.Option(help="Column of latencies.")],
    out: Annotated[
        Path | None, typer.Option(help="Write the model to this file, for --proxy latency-model:PATH.")
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(help="Number of networks to fit on, drawn with --seed.  [default: four fifths of them]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    space: SpaceOfTable = None,
    architecture: Architecture = None,
    as_json: AsJson = False,
) -> None:
    """Fit the cost of each operation to a table of latencies; other networks of it give the error.

    Example: `evonas latency-model latencies.csv --column ms --out latency-model.json`
    """
    from evonas import api
    from evonas.reporting.latency_model import latency_model_table
    from evonas.reporting.output import print_json, print_rich

    result = api.fit_latency(table, column, out, sample=sample, seed=seed, space=space, architecture=architecture)
    print_json(result.as_dict()) if as_json else print_rich(latency_model_table(result))
