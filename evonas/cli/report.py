"""``evonas report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.options import DataDir, Device, Moved, RunPath


def report(
    run: RunPath,
    out: Annotated[Path | None, typer.Option(help="Output file.  [default: RUN/report.html]")] = None,
    device: Device = None,
    data_dir: DataDir = None,
    dataset: Moved = None,
) -> None:
    """Write one HTML report of a run, finished or in progress.

    Example: `evonas report runs/tour`
    """
    from evonas import api
    from evonas.reporting.output import print_rich

    print_rich(f"written to {api.report(run, out, device=device or 'auto', data_dir=data_dir, dataset=dataset)}")
