"""``evonas report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.fields import with_fields
from evonas.cli.options import Place, RunPath


@with_fields
def report(
    run: RunPath,
    *,
    out: Annotated[Path | None, typer.Option(help="Output file.  [default: RUN/report.html]")] = None,
    place: Place,
) -> None:
    """Write one HTML report of a run, finished or in progress.

    Example: `evonas report runs/tour`
    """
    from evonas import api
    from evonas.reporting.output import print_rich

    device = place.pop("device") or "auto"
    print_rich(f"written to {api.report(run, out, device=device, **place)}")
