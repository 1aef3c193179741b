"""``evonas plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.options import RunPath


def plot(
    run: RunPath,
    what: Annotated[str, typer.Option(help="history, cells, pareto, corruptions or epsilon.")] = "history",
    format: Annotated[
        str | None, typer.Option(help="svg, png or pdf.  [default: by the ending of --out, else svg]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where it goes.  [default: RUN/<what>.<format>]")] = None,
) -> None:
    """Draw one picture of a run, sized for a column of a paper.

    Example: `evonas plot runs/tour --what cells --format svg`
    """
    from evonas import api
    from evonas.reporting.output import print_rich

    print_rich(f"written to {api.plot(run, what, format, out)}")
