"""``evonas bench``."""

from __future__ import annotations

from typing import Annotated

import typer

from evonas.cli.fields import Fields, Values, with_fields
from evonas.cli.options import AsJson, RayAddress, Workers
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError


@with_fields
def bench(
    *,
    settings: Annotated[Values, Fields(SearchSettings, mark="to_score", without=("batch_networks", "memory"))],
    batch_networks: Annotated[
        str,
        typer.Option(
            metavar="auto|K,K,...",
            help="Networks per pass: the first number for all engines, the others for this process only.  "
            "[default: auto: 1 and all --architectures; GPU: what fits in memory, 64, 16, 1 and the loop]",
            show_default=False,
        ),
    ] = "auto",
    memory: Annotated[Values, Fields(SearchSettings, "memory")],
    engine: Annotated[str, typer.Option(help="Engines to compare, separated by commas.")] = "in-process,processes",
    workers: Workers = None,
    ray_address: RayAddress = None,
    architectures: Annotated[
        int | None, typer.Option(help="Random architectures to score in each round.  [default: 4; GPU: 256]")
    ] = None,
    rounds: Annotated[int, typer.Option(help="Rounds per engine.")] = 3,
    train_batch: Annotated[
        int | None, typer.Option(help="Batch size of the training step; 0 skips it.  [default: 16; GPU: 96]")
    ] = None,
    compile: Annotated[
        bool | None,
        typer.Option("--compile/--no-compile", help="Also measure compiled training steps.  [default: on a GPU]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure architectures and images per second on this machine, and compare them with its limits.

    Example: `evonas bench --channels 8 --layers 5 --architectures 2 --rounds 2`
    """
    from evonas import api
    from evonas.reporting.output import announce, print_json, print_rich
    from evonas.reporting.speed import speed

    how: Values = {"workers": workers, "ray_address": ray_address, "compile": compile}
    counts: Values = {"architectures": architectures, "rounds": rounds, "train_batch": train_batch}
    measured = api.bench(
        SearchSettings.from_options(**settings, **memory),
        engines=[name.strip() for name in engine.split(",") if name.strip()],
        networks=_numbers(batch_networks),
        announce=announce,
        **how,
        **counts,
    )
    print_json(measured.as_json()) if as_json else print_rich(speed(measured))


def _numbers(text: str) -> list[int] | None:
    try:
        return None if text == "auto" else [int(number) for number in text.split(",")]
    except ValueError:
        raise UsageError(f"--batch-networks must be auto or numbers separated by commas, not {text!r}") from None
