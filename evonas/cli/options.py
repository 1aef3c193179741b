"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from evonas.cli import completion
from evonas.cli.fields import Fields, Values
from evonas.core.fields import fields_of
from evonas.core.separated import separated
from evonas.evaluation.settings import EvaluateSettings
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError, shorten

Number = TypeVar("Number", int, float)

Place = Annotated[Values, Fields(EvaluateSettings, "device", "data_dir", "dataset")]  # of the images
Scoring = Annotated[Values, Fields(SearchSettings, mark="to_score", without=("proxy",))]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", autocompletion=completion.runs)]
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
TimeLimit = Annotated[
    float | None,
    typer.Option(help="Time limit for scoring a network in a worker process, in seconds; it is retried once."),
]
Unit = Annotated[
    str, typer.Option(help="Unit of the accuracies: percent, fraction or auto; NAME=percent for one column.")
]
Architecture = Annotated[
    str | None,
    typer.Option(help="Column of architectures.  [default: genotype, architecture, arch_str or arch]"),
]
SpaceOfTable = Annotated[
    str | None,
    typer.Option(
        "--space",
        help=f"{fields_of(SearchSettings)['space'].about.help}  "
        "[default: that of the table's JSON file, else nasbench201]",
        autocompletion=completion.spaces,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Scratch = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Work in this directory of a local disk; results are copied every minute, at the end and "
        "when it is stopped.",
    ),
]
Log = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--log",
        metavar="FORMAT PLACE",
        help="Append every event to a file (jsonl FILE), or send the numbers to a tracker (mlflow DIRECTORY|URI, "
        "wandb DIRECTORY).",
    ),
]


def names(text: str, option: str = "--proxy") -> list[str]:
    """The names in a comma-separated list. Raises `UsageError` if there is no name."""
    found = separated(text)
    if not found:
        raise UsageError(f"{option} needs at least one name; see {_KNOWN[option]}")
    return found


def numbers(text: str, option: str, kind: type[Number]) -> list[Number]:
    """The numbers in a comma-separated list. Raises `UsageError` for anything else."""
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} takes numbers separated by commas, not {shorten(text)}") from None


_KNOWN = {"--proxy": "evonas list proxies", "--algorithms": "evonas list algorithms"}
_KNOWN |= dict.fromkeys(("--target", "--report"), "the columns of the table")
