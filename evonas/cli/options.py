"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli import completion
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
        help="Proxy to maximise; see `evonas list proxies`. a+b*2 is a composite.  [default: croze]",
        autocompletion=completion.proxies,
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(
        help="Data set: cifar10, cifar100, digits or folder:PATH.  [default: digits]",
        autocompletion=completion.data_sets,
    ),
]
DataDir = Annotated[
    str | None, typer.Option(help="Directory of the CIFAR files.  [default: $EVONAS_DATA, else data/]")
]
Moved = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        help="Where the images are now, such as folder:PATH.  [default: as in the training]",
        autocompletion=completion.data_sets,
    ),
]
BatchSize = Annotated[
    int | None, typer.Option(help="Number of images that a score is computed from.  [default: 8]")
]
ImageSize = Annotated[
    int | None, typer.Option(help="Image side length in pixels, for digits and folder:PATH.  [default: 32]")
]
Channels = Annotated[int | None, typer.Option(help="Initial channels (C).  [default: 36; nasbench201: 16]")]
Layers = Annotated[
    int | None,
    typer.Option(help="Number of cells (L); for nasbench201, per stage.  [default: 20; nasbench201: 5]"),
]
Seed = Annotated[int | None, typer.Option(help="Random seed.  [default: 0]")]
Device = Annotated[str | None, typer.Option(help="Device: auto, cpu, cuda or cuda:N.  [default: auto]")]
Precision = Annotated[
    str | None, typer.Option(help="Floating-point precision: float32 or float64.  [default: float32]")
]
Generations = Annotated[
    int | None, typer.Option(help="Total number of generations, including those before a resume.  [default: 50]")
]
Population = Annotated[int | None, typer.Option(help="Population size.  [default: 100]")]
Tournament = Annotated[int | None, typer.Option(help="Tournament size.  [default: population / 4]")]
Children = Annotated[int | None, typer.Option(help="Children per generation.  [default: population / 2]")]
MaxParams = Annotated[
    int | None,
    typer.Option(
        help="Maximum number of parameters at --channels and --layers; 0 for no limit.  "
        "[default: 6000000 at C=36, L=20; nasbench201: none]"
    ),
]
Algorithm = Annotated[
    str | None,
    typer.Option(help="Search algorithm; see `evonas list algorithms`.", autocompletion=completion.algorithms),
]
AlgorithmOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option", metavar="NAME=VALUE", help="Option of the algorithm; see `evonas list algorithms`. Repeatable."
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        help="Engine that computes scores: auto, in-process, processes or ray.",
        autocompletion=completion.engines,
    ),
]
Workers = Annotated[
    int | None, typer.Option(help="Number of processes or Ray actors.  [default: one per core or GPU]")
]
RayAddress = Annotated[
    str | None, typer.Option(help="Ray cluster: auto or HOST:PORT.  [default: a running cluster, or a new one]")
]
BatchNetworks = Annotated[
    str | None,
    typer.Option(
        metavar="auto|K",
        help="Networks scored in one pass.  [default: auto: 1; darts on a GPU: 64]",
    ),
]
Memory = Annotated[
    float | None,
    typer.Option(
        help="Memory limit of a pass: bytes per process, or a fraction of the free memory.  [default: 0.85]"
    ),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(help="Time limit for scoring a network in a worker process, in seconds; it is retried once."),
]
Checks = Annotated[
    int | None, typer.Option(help="Number of images for the sanity checks; 0 skips them.  [default: 100]")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Log = Annotated[
    tuple[str, Path] | None,
    typer.Option("--log", metavar="FORMAT PATH", help="Append every event to a file; FORMAT is jsonl."),
]


def names(text: str, option: str = "--proxy") -> list[str]:
    """The names in a comma-separated list. Raises `UsageError` if there is no name."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise UsageError(f"{option} needs at least one name; see {_KNOWN[option]}")
    return found


_KNOWN = {"--proxy": "evonas list proxies", "--target": "the columns of the table"}
