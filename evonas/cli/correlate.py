"""``evonas correlate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evonas.cli import completion
from evonas.cli.fields import Fields, Values, with_fields
from evonas.cli.options import Architecture, AsJson, EngineName, RayAddress, SpaceOfTable, Unit, Workers, names
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError

if TYPE_CHECKING:
    from evonas.tables import Correlation


@with_fields
def correlate(
    tables: Annotated[
        list[Path],
        typer.Argument(metavar="TABLE...", help="CSV files with architectures and accuracies, one or several."),
    ],
    *,
    proxies: Annotated[
        str,
        typer.Option(
            "--proxy",
            help="Proxies, separated by commas; a+b*2 is a composite.",
            autocompletion=completion.proxies,
        ),
    ] = "croze",
    space: SpaceOfTable = None,
    own: Annotated[
        list[str] | None,
        typer.Option(
            "--setting",
            metavar="N.NAME=VALUE",
            help="Setting of one table, the N-th: space, dataset, channels, layers, image_size, stem. Repeatable.",
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(help="Number of architectures, drawn with --seed.  [default: all]")
    ] = None,
    all_ids: Annotated[bool, typer.Option("--all-ids", help="Include isomorphic cells.")] = False,
    half: Annotated[
        str | None, typer.Option(help="Use one half of the architectures, A or B (by a fixed hash).")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Targets or columns, separated by commas.  [default: all accuracies]")
    ] = None,
    unit: Unit = "auto",
    architecture: Architecture = None,
    grouping: Annotated[str, typer.Option(help="Groups of corruptions: paper or standard.")] = "paper",
    given: Annotated[
        str,
        typer.Option(
            help="Proxy without images that is held fixed in partial correlations.",
            autocompletion=completion.proxies,
        ),
    ] = "params",
    against: Annotated[
        str | None,
        typer.Option(
            help="Proxy or composite that all are compared with, by a paired bootstrap.",
            autocompletion=completion.proxies,
        ),
    ] = None,
    scores: Annotated[Path, typer.Option(help="Database of computed scores, reused by later commands.")] = Path(
        "runs/scores.db"
    ),
    engine: EngineName = "auto",
    workers: Workers = None,
    ray_address: RayAddress = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the scores of every architecture to this CSV file.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a heat map to this file (.png, .svg or .pdf).")] = None,
    scatter: Annotated[
        str | None, typer.Option(help="PROXY:TARGET: draw a scatter plot instead of the heat map.")
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table that compares with the CRoZe paper.")
    ] = False,
    settings: Annotated[Values, Fields(SearchSettings, mark="to_score", without=("space", "proxy"))],
    as_json: AsJson = False,
) -> None:
    """Correlate proxies with the accuracies of trained networks; of several tables, the worst ranks the proxies.

    Example: `evonas correlate accuracies.csv --proxy params,live-size,croze-size`
    """
    from evonas.engine import make

    if len(tables) > 1 and (plot or as_markdown):
        raise UsageError("--plot and --markdown show one table; name one TABLE")
    pair = _pair(plot, scatter, as_json and as_markdown)
    targets = None if target is None else names(target, "--target")
    choice: Values = {"sample": sample, "all_ids": all_ids, "half": half, "target_names": targets, "pair": pair}
    choice |= {"grouping": grouping, "unit": unit, "architecture": architecture, "scores": scores}
    choice |= {"given": given, "against": against, "engine": make(engine, workers, ray_address)}
    found = _correlated(tables, names(proxies), {"space": space, **settings}, own or [], choice)
    _write(found, plot, pair, out)
    _print(found, as_json, as_markdown)


def _correlated(
    tables: Sequence[Path], proxies: list[str], settings: Values, own: Sequence[str], choice: Values
) -> list[Correlation]:
    """The correlations with all tables; ``own`` are the settings of single ones."""
    from evonas import api
    from evonas.reporting.correlation import ScoringProgress
    from evonas.tables.sidecar import settings_by_table, settings_of

    found = []
    for table, its in zip(tables, settings_by_table(own, len(tables)), strict=True):
        with ScoringProgress() as observer:
            chosen = settings_of(table, settings | its, observer.message)
            heard: Values = {**choice, "observer": observer, "announce": observer.message}
            found.append(api.correlate(table, proxies, chosen, **heard))
    return found


def _pair(plot: Path | None, scatter: str | None, two_forms: bool) -> tuple[str, str] | None:
    """The proxy and the target of ``--scatter``. Raises `UsageError` for an invalid combination."""
    if two_forms:
        raise UsageError("--json and --markdown exclude each other; use one of them")
    if scatter is None:
        return None
    proxy, separator, target = scatter.rpartition(":")
    if not separator:
        raise UsageError(f"--scatter takes PROXY:TARGET, such as croze:clean, not {scatter!r}")
    if plot is None:
        raise UsageError("--scatter needs --plot FILE")
    return proxy, target


def _write(
    found: Sequence[Correlation], plot: Path | None, pair: tuple[str, str] | None, out: Path | None
) -> None:
    from evonas.reporting.correlation import draw
    from evonas.tables.rows import write_rows

    if plot is not None:
        draw(found[0], plot, pair)
    if out is not None:
        write_rows(found, out)


def _print(found: Sequence[Correlation], as_json: bool, as_markdown: bool) -> None:
    from evonas.reporting.correlation import account_lines, correlation_tables, summary_tables
    from evonas.reporting.output import announce, print_json, print_rich
    from evonas.tables import Correlations, markdown

    if len(found) > 1:
        several = Correlations.of(found)
        return print_json(several.as_dict()) if as_json else print_rich(summary_tables(several))
    result = found[0]
    if as_json:
        return print_json(result.as_dict())
    if as_markdown:
        announce("\n".join(account_lines(result.table)))
    print_rich(markdown(result) if as_markdown else correlation_tables(result))
