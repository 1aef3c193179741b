"""Pictures for papers: which there are, and how they look."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.advice import command
from evonas.durable import replace
from evonas.reporting.html.facts import Facts, gather
from spaces.errors import UsageError, shorten
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


def plot(run: str | Path, what: str, format: str | None = None, out: str | Path | None = None) -> Path:
    """Draw one picture of a run, by default to RUN/<what>.<format>, and return where it is.

    The format is by default that of the ending of ``out``, else SVG. Raises `UsageError` for an unknown picture
    or format, for two that disagree and for a run that has not come far enough for it.
    """
    import matplotlib

    draw = plots[what]
    format = _format(format, "" if out is None else Path(out).suffix.lower()[1:])
    place = Path(run) / f"{what}.{format}" if out is None else Path(out)
    with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
        figure = draw(gather(Path(run)))
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
        picture = io.BytesIO()
        figure.savefig(picture, format=format, dpi=DOTS, metadata=metadata)
    replace(place, picture.getvalue(), own=False)
    return place


def _format(asked: str | None, ending: str) -> str:
    """The format that was asked for, that of the file's name, or SVG where there is neither."""
    chosen = asked or ending or "svg"
    if chosen not in FORMATS:
        option = "--format" if asked else "format of --out"
        raise UsageError(f"unknown {option} {shorten(chosen)}: {closest(chosen, list(FORMATS))}")
    if ending in FORMATS and ending != chosen:
        raise UsageError(
            f"--format {chosen} does not go into a file that ends in .{ending}; leave one of them out"
        )
    return chosen


def missing(facts: Facts, what: str, name: str) -> UsageError:
    """A run that has not come far enough."""
    return UsageError(f"{facts.path} has no {what} yet; {command(name, facts.path)} makes them")
