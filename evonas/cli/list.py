"""``evonas list``."""

from __future__ import annotations

from typing import Annotated

import typer

from evonas.cli import completion
from evonas.cli.options import AsJson


def list_(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="spaces, proxies, fitness, algorithms, datasets, engines, recipes, attacks, corruptions, "
            "certificates, assessments, formats or genotypes.",
            autocompletion=completion.kinds,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List spaces, proxies, algorithms, data sets, recipes, attacks, certificates, formats, genotypes and others.

    Example: `evonas list proxies`
    """
    from evonas.cli.catalogue import KINDS, NOTES, catalogue
    from evonas.core.arguments import one_of
    from evonas.reporting.output import print_json, print_rich
    from evonas.reporting.tables import listing

    chosen = catalogue(KINDS if kind is None else [one_of(kind, "kind", KINDS)])
    if as_json:
        return print_json(chosen)
    for name, entries in chosen.items():
        if not entries and kind is None:
            continue  # only packages add assessments
        print_rich(listing(name, entries, full=kind is not None, note=NOTES.get(name, "")))
