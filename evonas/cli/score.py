"""``evonas score``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from evonas.cli import completion
from evonas.cli.fields import with_fields
from evonas.cli.options import AsJson, Scoring, names
from evonas.store.settings import SearchSettings


@with_fields
def score(
    genotypes: Annotated[
        list[str],
        typer.Argument(
            metavar="GENOTYPE|NAME...", help="Genotypes or published names.", autocompletion=completion.genotypes
        ),
    ],
    *,
    proxies: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            help="Proxies, separated by commas.  [default: croze]",
            autocompletion=completion.fitness,
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            help="Use the settings of this run, and its proxy by default.", autocompletion=completion.runs
        ),
    ] = None,
    settings: Scoring,
    as_json: AsJson = False,
) -> None:
    """Score genotypes or published architectures.

    Example: `evonas score DARTS_V2 ADVRUSH PC_DARTS_cifar --proxy croze,params,flops --channels 8 --layers 5`
    """
    from evonas import api
    from evonas.reporting.output import announcing_observer, print_json, print_rich
    from evonas.reporting.tables import Scores

    given: dict[str, Any] = settings if run is not None else {"settings": SearchSettings.from_options(**settings)}
    chosen = None if proxies is None else names(proxies)
    rows = api.score(genotypes, chosen, run=run, observer=announcing_observer(), **given)
    print_json([row.as_json() for row in rows]) if as_json else print_rich(Scores(rows))
