"""``evonas benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evonas.cli import completion
from evonas.cli.fields import Fields, Values, with_fields
from evonas.cli.options import (
    Architecture,
    AsJson,
    EngineName,
    RayAddress,
    SpaceOfTable,
    Unit,
    Workers,
    names,
    numbers,
)
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError

if TYPE_CHECKING:
    from evonas.tables.benchmark import Benchmark


@with_fields
def benchmark(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV file with architectures and their numbers.")],
    *,
    algorithms: Annotated[
        str,
        typer.Option(
            help="Algorithms, separated by commas; LABEL=ALGORITHM names a variant.",
            autocompletion=completion.algorithms,
        ),
    ] = "random,local-search,regularized-evolution",
    space: SpaceOfTable = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Targets or columns, separated by commas; -NAME is minimised.  [default: the first one]"
        ),
    ] = None,
    select_on: Annotated[
        str | None, typer.Option(help="Column that the algorithms search.  [default: each target]")
    ] = None,
    report: Annotated[
        str | None, typer.Option(help="Other columns of what was found, separated by commas.")
    ] = None,
    evaluations: Annotated[
        int | None,
        typer.Option(help="Different architectures per trial.  [default: 300, or all of a smaller table]"),
    ] = None,
    trials: Annotated[int, typer.Option(help="Number of trials of each algorithm.")] = 100,
    seed: Annotated[Values, Fields(SearchSettings, "seed")],
    options: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="ALGORITHM.NAME=VALUE", help="Option of an algorithm. Repeatable."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Numbers of queries to show.  [default: 10,50,100,150,192,300]")
    ] = None,
    regrets: Annotated[
        str | None,
        typer.Option("--regret", help="Regrets in percent to count queries until.  [default: 1,0.5,0.1]"),
    ] = None,
    duplicates: Annotated[
        str, typer.Option(help="What is never queried twice: id (a genotype) or class (isomorphic ones).")
    ] = "id",
    latency: Annotated[
        Path | None, typer.Option(help="Second table, such as latencies, whose columns join by architecture.")
    ] = None,
    unit: Unit = "auto",
    architecture: Architecture = None,
    constraints: Annotated[
        list[str] | None,
        typer.Option(
            "--constraint", metavar="COLUMN<=NUMBER", help="Limit on a column, also COLUMN>=NUMBER. Repeatable."
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            help="How searches respect constraints: admission, feasible-first, joint or constrained.  "
            "[default: admission]"
        ),
    ] = None,
    results: Annotated[Path, typer.Option(help="Database of finished trials, reused by later commands.")] = Path(
        "runs/benchmark.db"
    ),
    engine: EngineName = "auto",
    workers: Workers = None,
    ray_address: RayAddress = None,
    plot: Annotated[Path | None, typer.Option(help="Write the curves to this file (.png, .svg or .pdf).")] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare search algorithms on a table of trained networks.

    Example: `evonas benchmark accuracies.csv --algorithms random,local-search --evaluations 20 --trials 10`
    """
    from evonas import api
    from evonas.engine import make
    from evonas.reporting.correlation import ScoringProgress

    if as_json and as_markdown:
        raise UsageError("--json and --markdown exclude each other; use one of them")
    choice: Values = {"select_on": select_on, "evaluations": evaluations, "trials": trials, "unit": unit}
    choice |= {"duplicates": duplicates, "latency": latency, "architecture": architecture, "results": results}
    choice |= {"options": options or (), "engine": make(engine, workers, ray_address), "space": space, **seed}
    choice |= {"constraints": constraints or (), "rule": rule}
    choice |= _lists(target, report, at, regrets)
    with ScoringProgress("searching", "finished") as observer:
        choice |= {"observer": observer, "announce": observer.message}
        result = api.benchmark(table, names(algorithms, "--algorithms"), **choice)
    _show(result, plot, as_json, as_markdown)


def _lists(target: str | None, report: str | None, at: str | None, regrets: str | None) -> Values:
    found: Values = {} if target is None else {"target_names": names(target, "--target")}
    found |= {} if report is None else {"report": names(report, "--report")}
    found |= {} if at is None else {"at": numbers(at, "--at", int)}
    return found | ({} if regrets is None else {"regrets": numbers(regrets, "--regret", float)})


def _show(result: Benchmark, plot: Path | None, as_json: bool, as_markdown: bool) -> None:
    from evonas.reporting.benchmark import benchmark_tables, markdown
    from evonas.reporting.output import print_json, print_rich
    from evonas.tables.curves import curves

    if plot is not None:
        curves(result, plot)
    if as_json:
        return print_json(result.as_dict())
    print_rich(markdown(result) if as_markdown else benchmark_tables(result))
