"""The summary of a run: result, robustness, search, and the next command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from evonas.core.quantities import count, number, percent, plural
from evonas.core.shell import command
from evonas.evaluation.result import Evaluation
from evonas.reporting.accuracies import headline_table
from evonas.reporting.columns import ENDLESS, USUAL
from evonas.reporting.controls import controlled
from evonas.reporting.finalists import finalists_table
from evonas.reporting.fronts import front_table, headline_text, pace
from evonas.reporting.live import cell_panels, generations_table
from evonas.reporting.plain import heading
from evonas.reporting.retrained import retrained_table
from evonas.reporting.style import ASCII_SPARKS, SPARKS, sparkline
from evonas.reporting.summary import Summary
from spaces import spaces

LAST_GENERATIONS = 6
MEAN = "mean of the population "
NEXT = {  # stage: label and command
    "search": ("resume with", "resume"),
    "searched": ("train the best genotype with", "train"),
    "training": ("resume with", "resume"),
    "trained": ("evaluate its robustness with", "evaluate"),
    "evaluated": ("write a report with", "report"),
}


class Overview:
    """The summary of a run in Unicode or ASCII."""

    def __init__(self, summary: Summary) -> None:
        self.summary = summary

    def __rich_console__(self, console: Console, options: Any) -> Any:
        sparks = SPARKS if console.encoding.lower().startswith("utf") else ASCII_SPARKS
        yield overview(self.summary, sparks, options.max_width if options.max_width < ENDLESS else USUAL)


def overview(summary: Summary, sparks: str = SPARKS, width: int = USUAL) -> RenderableType:
    """Headline, cells, a summary of the search and the next command; tables as ``width`` allows."""
    settings, best = summary.settings, summary.best
    parts: list[RenderableType] = [
        Text.assemble((str(summary.path), "bold"), f"  {summary.stage}, started {summary.created[:16]}"),
        Text(heading(settings), style="dim"),
        Text(_progress(summary)),
    ]
    if best is not None:
        size = f"{count(best.params)} params, {count(best.flops)} FLOPs"
        size += "".join(f", {name} {number(value)}" for name, value in summary.measured.items())
        named = headline_text(best, summary.objectives, settings.pick, summary.latest)
        parts.append(Text(f"{named} (birth {best.birth}), {size}", style="bold green"))
        if summary.front:
            parts.append(_front(summary, width))
        parts += [Text(_member(row), style="dim") for row in summary.members]
        if summary.edits is not None:
            parts.append(Text(f"{plural(summary.edits, 'birth')} from a random ancestor", style="dim"))
    if summary.finalists:
        parts.append(finalists_table(summary.finalists))
    if summary.evaluation is not None:
        parts.append(robustness(summary.evaluation, width))
        if summary.controls is not None:
            parts.append(controlled(summary.controls))
    elif summary.trained is not None:
        parts.append(Text(f"trained: test accuracy {percent(summary.trained['test']['accuracy'])}", "bold green"))
    if text := summary.data:
        parts.append(Text(f"trained on {text}", style="dim"))
    if summary.note:
        parts.append(Text(summary.note, style="yellow"))
    if best is not None:
        parts.append(cell_panels(spaces[settings.space], best.genotype))
        parts.append(Text(str(best.genotype)))
    means = [row.mean for row in summary.history if row.mean is not None]
    if len(means) > 1:
        bars = sparkline(means, min(50, width - len(MEAN)), sparks)
        parts.append(Text.assemble((MEAN, "dim"), (bars, "magenta")))
    if summary.history:
        parts.append(generations_table(summary.history[-LAST_GENERATIONS:], width, summary.latest))
    words, name = NEXT[summary.stage]
    words = words.replace("best", "latest") if summary.latest else words
    parts.append(Text(f"{words}: {command(name, summary.path)}", style="yellow"))
    return Group(*parts)


def _front(summary: Summary, width: int) -> RenderableType:
    volume = summary.hypervolume[-1] if summary.hypervolume else None
    text = f"Pareto front: {plural(len(summary.front), 'network')}"
    text += "" if volume is None else f", hypervolume {number(volume)}"
    return Group(Text(text, style="bold"), front_table(summary.front, summary.objectives, width, summary.best))


def robustness(found: Evaluation, width: int) -> RenderableType:
    """Accuracies at the first epsilon and the mean over corruptions, and what is to be known about them."""
    notes = [Text(f"failed sanity checks: {'; '.join(found.failed)}", style="bold red")] if found.failed else []
    notes += [Text(note, style="yellow") for note in found.notes]
    if found.remark:
        notes.append(Text(found.remark, style="bold yellow"))
    several = [] if found.retrained is None else [retrained_table(found.retrained)]
    return Group(headline_table(found, width), *several, *notes)


def _progress(summary: Summary) -> str:
    last, most = summary.settings.generations, summary.settings.evaluations
    reached = "no generation yet" if summary.generation < 0 else f"generation {summary.generation}"
    return (
        f"{reached}{'' if last is None else f' of {last}'}, "
        f"{summary.evaluations}{'' if most is None else f' of {most}'} evaluations, "
        f"{summary.cache_hits} cache hits, {summary.failures} without score"
        + pace(summary.seconds_per_evaluation, summary.seconds_per_generation, summary.latest)
    )


def _member(row: Mapping[str, Any]) -> str:
    """One term of a composite: weight x (score - mean) / deviation."""
    return (
        f"  {_of(row)}{row['name']}: {row['weight']:g} x ({number(row['score'])} - {number(row['mean'])}) "
        f"/ {number(row['deviation'])}"
    )


def _of(row: Mapping[str, Any]) -> str:
    """The objective of a term, where there are several."""
    return f"{row['objective']}, " if "objective" in row else ""
