"""``evonas correlate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli import completion
from evonas.cli.options import (
    AsJson,
    BatchNetworks,
    BatchSize,
    Channels,
    DataDir,
    Dataset,
    Device,
    EngineName,
    ImageSize,
    Layers,
    Memory,
    Precision,
    RayAddress,
    Seed,
    Space,
    Workers,
    names,
)
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError

if TYPE_CHECKING:
    from evonas.tables import Correlation

_SETTINGS = (
    *("space", "dataset", "data_dir", "batch_size", "image_size", "channels", "layers", "seed", "device"),
    *("precision", "batch_networks", "memory"),
)


def correlate(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV file with architectures and accuracies.")],
    proxies: Annotated[
        str,
        typer.Option(
            "--proxy",
            help="Proxies, separated by commas; a+b*2 is a composite.",
            autocompletion=completion.proxies,
        ),
    ] = "croze",
    space: Space = "nasbench201",
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
    unit: Annotated[
        str,
        typer.Option(help="Unit of the accuracies: percent, fraction or auto; NAME=percent for one column."),
    ] = "auto",
    architecture: Annotated[
        str | None,
        typer.Option(help="Column of architectures.  [default: genotype, architecture, arch_str or arch]"),
    ] = None,
    grouping: Annotated[str, typer.Option(help="Groups of corruptions: paper or standard.")] = "paper",
    scores: Annotated[Path, typer.Option(help="Database of computed scores, reused by later commands.")] = Path(
        "runs/scores.db"
    ),
    engine: EngineName = "auto",
    workers: Workers = None,
    ray_address: RayAddress = None,
    plot: Annotated[Path | None, typer.Option(help="Write a heat map to this file (.png, .svg or .pdf).")] = None,
    scatter: Annotated[
        str | None, typer.Option(help="PROXY:TARGET: draw a scatter plot instead of the heat map.")
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table that compares with the CRoZe paper.")
    ] = False,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    batch_size: BatchSize = None,
    image_size: ImageSize = None,
    channels: Channels = None,
    layers: Layers = None,
    seed: Seed = None,
    device: Device = None,
    precision: Precision = None,
    batch_networks: BatchNetworks = None,
    memory: Memory = None,
    as_json: AsJson = False,
) -> None:
    """Correlate proxies with the accuracies of trained networks.

    Example: `evonas correlate accuracies.csv --proxy params,live-size,croze-size`
    """
    from evonas import api
    from evonas.engine import make
    from evonas.reporting.correlation import ScoringProgress, draw

    options = {name: value for name, value in locals().items() if name in _SETTINGS}
    pair = _pair(plot, scatter, as_json and as_markdown)
    choice: dict[str, Any] = {"sample": sample, "all_ids": all_ids, "half": half, "grouping": grouping}
    choice |= {"unit": unit, "architecture": architecture}
    choice |= {"scores": scores, "engine": make(engine, workers, ray_address), "pair": pair}
    choice |= {"target_names": names(target, "--target") if target is not None else None}
    with ScoringProgress() as observer:
        choice |= {"observer": observer, "announce": observer.message}
        result = api.correlate(table, names(proxies), SearchSettings.from_options(**options), **choice)
    if plot is not None:
        draw(result, plot, pair)
    _print(result, as_json, as_markdown)


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


def _print(result: Correlation, as_json: bool, as_markdown: bool) -> None:
    from evonas.reporting.correlation import account_lines, correlation_tables
    from evonas.reporting.output import announce, print_json, print_rich
    from evonas.tables import markdown

    if as_json:
        return print_json(result.as_dict())
    if as_markdown:
        announce("\n".join(account_lines(result.table)))
    print_rich(markdown(result) if as_markdown else correlation_tables(result))
