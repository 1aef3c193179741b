"""The registry and the style of figures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.core.arguments import one_of
from evonas.core.atomic_files import replace
from evonas.core.shell import command
from evonas.reporting.facts import TrainingFacts, gather
from spaces.errors import UsageError
from spaces.registry import Registry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png", "pdf")
DOTS = 300  # dots per inch of a PNG
COLUMN = 3.4  # inches: one column of a two-column paper
STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,
    "svg.hashsalt": "evonas",  # the same figure gives the same bytes
}

Draw = Callable[[TrainingFacts], "Figure"]
_ROOM = "evonas.reporting.plots"
plots: Registry[Draw] = Registry(
    "plot",
    {
        "cells": f"{_ROOM}.cells",
        "corruptions": f"{_ROOM}.corruptions",
        "epsilon": f"{_ROOM}.epsilon",
        "front": f"{_ROOM}.front",
        "history": f"{_ROOM}.history",
        "pareto": f"{_ROOM}.pareto",
    },
)


def plot(run: str | Path, what: str, format: str | None = None, out: str | Path | None = None) -> Path:
    """Draw one figure of a run, by default to RUN/<what>.<format>; returns its path.

    The default format is the suffix of ``out``, else SVG. Raises `UsageError` for an unknown figure or format, for
    a suffix that differs from the format and for a run without the data of the figure.
    """
    import matplotlib

    draw = plots[what]
    format = _format(format, "" if out is None else Path(out).suffix.lower()[1:])
    place = Path(run) / f"{what}.{format}" if out is None else Path(out)
    with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
        figure = draw(gather(Path(run), name="plot"))
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
        picture = io.BytesIO()
        figure.savefig(picture, format=format, dpi=DOTS, metadata=metadata)
    replace(place, picture.getvalue(), own=False)
    return place


def _format(asked: str | None, ending: str) -> str:
    """The requested format, else the suffix of the file, else SVG."""
    chosen = one_of(asked or ending or "svg", "--format" if asked else "format of --out", FORMATS)
    if ending in FORMATS and ending != chosen:
        raise UsageError(f"--format {chosen} differs from the suffix .{ending} of --out; omit one of them")
    return chosen


def missing(facts: TrainingFacts, what: str, name: str) -> UsageError:
    """The error for a run without the data of a figure."""
    return UsageError(f"{facts.path} has no {what} yet; run first: {command(name, facts.path)}")
