"""``evonas show``."""

from __future__ import annotations

from typing import Annotated

import typer

from evonas.cli.options import AsJson, RunPath
from spaces.errors import UsageError


def show(
    run: RunPath,
    methods: Annotated[
        bool, typer.Option("--methods", help="Print what was done, with every setting, for a paper.")
    ] = False,
    bibtex: Annotated[
        bool, typer.Option("--bibtex", help="Print the BibTeX entries of every method that was used.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Summarise a run.

    Example: `evonas show runs/tour`
    """
    from evonas import api
    from evonas.reporting.output import print_json, print_rich, print_text

    if methods or bibtex:
        if as_json:
            raise UsageError("--json cannot be combined with --methods or --bibtex")
        chosen = [api.methods] * methods + [api.cite] * bibtex
        return print_text("\n".join(write(run) for write in chosen))
    summary = api.summarise(run)
    if as_json:
        return print_json(summary.as_json())
    from evonas.reporting.shown import shown

    print_rich(shown(summary))
