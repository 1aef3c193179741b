"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas import completion
from spaces.errors import UsageError

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", autocompletion=completion.runs)]
Space = Annotated[
    str | None,
    typer.Option(
        help="Search space: darts, nasbench201, robnet.  [default: darts]", autocompletion=completion.spaces
    ),
]
Proxy = Annotated[
    str | None,
    typer.Option(
        help="Fitness, see `evonas list proxies`; a+b*2 is a composite.  [default: croze]",
        autocompletion=completion.proxies,
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(
        help="cifar10, cifar100, digits or folder:PATH.  [default: digits]", autocompletion=completion.data_sets
    ),
]
DataDir = Annotated[
    str | None, typer.Option(help="Where the CIFAR files are.  [default: $EVONAS_DATA, else data/]")
]
BatchSize = Annotated[int | None, typer.Option(help="Images that a score is computed from.  [default: 8]")]
ImageSize = Annotated[int | None, typer.Option(help="Pixels, for digits and folder:PATH.  [default: 32]")]
Channels = Annotated[int | None, typer.Option(help="C, initial channels.  [default: 36; nasbench201: 16]")]
Layers = Annotated[
    int | None, typer.Option(help="L, cells in all; for nasbench201 in each stage.  [default: 20; 5]")
]
Seed = Annotated[int | None, typer.Option(help="Everything random follows from it.  [default: 0]")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.  [default: auto]")]
Precision = Annotated[str | None, typer.Option(help="float32 or float64.  [default: float32]")]
Generations = Annotated[int | None, typer.Option(help="In total, also after a resume.  [default: 50]")]
Population = Annotated[int | None, typer.Option(help="Individuals alive.  [default: 100]")]
Tournament = Annotated[int | None, typer.Option(help="Members of a tournament.  [default: population / 4]")]
Children = Annotated[int | None, typer.Option(help="Births a generation.  [default: population / 2]")]
MaxParams = Annotated[
    int | None,
    typer.Option(
        help="No birth has more parameters at --channels and --layers; 0 for no limit.  "
        "[default: 6000000 at C=36, L=20; nasbench201: none]"
    ),
]
Algorithm = Annotated[str | None, typer.Option(help="See `evonas list algorithms`.")]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        help="Where scores are computed: auto, in-process, processes or ray.",
        autocompletion=completion.engines,
    ),
]
Workers = Annotated[int | None, typer.Option(help="Processes, or Ray actors.  [default: one per core or GPU]")]
RayAddress = Annotated[
    str | None, typer.Option(help="auto or HOST:PORT.  [default: the cluster that is found, or a new one here]")
]
BatchNetworks = Annotated[
    str | None,
    typer.Option(
        metavar="auto|K",
        help="Networks in one pass; 1: one after the other.  [default: auto: 1; on a GPU, for darts, 64]",
    ),
]
Memory = Annotated[
    float | None,
    typer.Option(
        help="For passes of several networks: bytes in each process, or a share of what is free.  [default: 0.85]"
    ),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(help="Seconds an evaluation may take in a worker process; tried twice, then it has no score."),
]
Checks = Annotated[
    int | None, typer.Option(help="Images that the protocol is checked on; 0 for none.  [default: 100]")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
Log = Annotated[
    tuple[str, Path] | None,
    typer.Option("--log", metavar="FORMAT PATH", help="Append every event to a file; FORMAT is jsonl."),
]


def names(text: str, option: str = "--proxy") -> list[str]:
    """Names separated by commas. Raises `UsageError` if there is none."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise UsageError(f"{option} needs at least one name; see {_KNOWN[option]}")
    return found


_KNOWN = {"--proxy": "evonas list proxies", "--target": "the columns of the table"}
