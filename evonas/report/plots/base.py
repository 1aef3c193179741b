"""Pictures for papers: which there are, and how they look."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.advice import command
from evonas.durable import replace
from evonas.report.html.facts import Facts, gather
from spaces.errors import UsageError
from spaces.registry import Registry, closest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png", "pdf")
DOTS = 300  # an inch, of a PNG
COLUMN = 3.4  # inches: one of two columns
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
    "svg.hashsalt": "evonas",  # the same picture is the same file
}

Draw = Callable[[Facts], "Figure"]
plots: Registry[Draw] = Registry("plot")


def plot(run: str | Path, what: str, format: str = "svg", out: str | Path | None = None) -> Path:
    """Draw one picture of a run, by default to RUN/<what>.<format>, and return where it is.

    Raises `UsageError` for an unknown picture or format and for a run that has not come far enough for it.
    """
    import matplotlib

    draw = plots[what]
    if format not in FORMATS:
        raise UsageError(f"unknown --format {format!r}: {closest(format, list(FORMATS))}")
    place = Path(run) / f"{what}.{format}" if out is None else Path(out)
    with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
        figure = draw(gather(Path(run)))
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
        picture = io.BytesIO()
        figure.savefig(picture, format=format, dpi=DOTS, metadata=metadata)
    replace(place, picture.getvalue(), own=False)
    return place


def missing(facts: Facts, what: str, name: str) -> UsageError:
    """A run that has not come far enough."""
    return UsageError(f"{facts.path} has no {what} yet; {command(name, facts.path)} makes them")
