"""``evonas bench``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from evonas.cli.options import (
    AsJson,
    BatchSize,
    Channels,
    DataDir,
    Dataset,
    Device,
    ImageSize,
    Layers,
    Memory,
    Precision,
    Proxy,
    RayAddress,
    Seed,
    Space,
    Workers,
)
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError

_NOT_SETTINGS = (
    "batch_networks",
    "engine",
    "workers",
    "ray_address",
    "architectures",
    "rounds",
    "train_batch",
    "as_json",
)


def bench(
    space: Space = None,
    proxy: Proxy = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    batch_size: BatchSize = None,
    image_size: ImageSize = None,
    channels: Channels = None,
    layers: Layers = None,
    seed: Seed = None,
    device: Device = None,
    precision: Precision = None,
    batch_networks: Annotated[
        str,
        typer.Option(
            metavar="auto|K,K,...",
            help="Networks per pass: the first number for all engines, the others for this process only.  "
            "[default: auto: 1 and all --architectures]",
            show_default=False,
        ),
    ] = "auto",
    memory: Memory = None,
    engine: Annotated[str, typer.Option(help="Engines to compare, separated by commas.")] = "in-process,processes",
    workers: Workers = None,
    ray_address: RayAddress = None,
    architectures: Annotated[int, typer.Option(help="Random architectures to score in each round.")] = 4,
    rounds: Annotated[int, typer.Option(help="Rounds per engine.")] = 3,
    train_batch: Annotated[
        int | None, typer.Option(help="Batch size of the training step; 0 skips it.  [default: 16; GPU: 96]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure architectures and images per second on this machine, and compare them with its limits.

    Example: `evonas bench --channels 8 --layers 5 --architectures 2 --rounds 2`
    """
    options: dict[str, Any] = {name: value for name, value in locals().items() if name not in _NOT_SETTINGS}
    from evonas import api
    from evonas.reporting.output import announce, print_json, print_rich
    from evonas.reporting.speed import speed

    measured = api.bench(
        SearchSettings.from_options(**options),
        engines=[name.strip() for name in engine.split(",") if name.strip()],
        networks=_numbers(batch_networks),
        workers=workers,
        ray_address=ray_address,
        architectures=architectures,
        rounds=rounds,
        train_batch=train_batch,
        announce=announce,
    )
    if as_json:
        return print_json(measured.as_json())
    print_rich(speed(measured))


def _numbers(text: str) -> list[int] | None:
    try:
        return None if text == "auto" else [int(number) for number in text.split(",")]
    except ValueError:
        raise UsageError(f"--batch-networks must be auto or numbers separated by commas, not {text!r}") from None
