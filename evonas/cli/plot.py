"""``evonas plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.options import RunPath


def plot(
    run: RunPath,
    what: Annotated[
        str, typer.Option(help="Figure: history, cells, pareto, front, corruptions or epsilon.")
    ] = "history",
    format: Annotated[
        str | None, typer.Option(help="svg, png or pdf.  [default: suffix of --out, else svg]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Output file.  [default: RUN/WHAT.FORMAT]")] = None,
) -> None:
    """Draw one figure of a run, sized for a column of a paper.

    Example: `evonas plot runs/tour --what cells --format svg`
    """
    from evonas import api
    from evonas.reporting.output import print_rich

    print_rich(f"written to {api.plot(run, what, format, out)}")
