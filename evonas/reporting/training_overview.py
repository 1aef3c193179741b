"""The summary of a training without a search: how far it is, accuracies, network, and the next command."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from evonas.core.quantities import count, percent
from evonas.core.shell import command
from evonas.reporting.columns import ENDLESS, USUAL
from evonas.reporting.live import cell_panels
from evonas.reporting.overview import NEXT, robustness
from evonas.reporting.plain import training_heading
from evonas.reporting.training import epochs_table
from evonas.reporting.training_summary import TrainingSummary
from evonas.training.metrics import kept
from spaces import spaces

LAST_EPOCHS = 6


class TrainingOverview:
    """The summary of a training, as wide as the terminal."""

    def __init__(self, summary: TrainingSummary) -> None:
        self.summary = summary

    def __rich_console__(self, console: Console, options: Any) -> Any:
        yield training_overview(self.summary, options.max_width if options.max_width < ENDLESS else USUAL)


def training_overview(summary: TrainingSummary, width: int = USUAL) -> RenderableType:
    """Settings, progress, accuracies, cells and the next command; tables as ``width`` allows."""
    settings = summary.settings
    size = f"{count(summary.params)} params, {count(summary.flops)} FLOPs"
    parts: list[RenderableType] = [
        Text.assemble((str(summary.path), "bold"), f"  {summary.stage}, without a search"),
        Text(training_heading(settings), style="dim"),
        Text(f"epoch {len(summary.history)} of {settings.chosen.epochs}, {size}"),
    ]
    if summary.history:
        best = kept(summary.history)
        parts.append(Text(f"epoch {best.epoch} is kept: validation accuracy {percent(best.validation)}"))
    if summary.evaluation is not None:
        parts.append(robustness(summary.evaluation, width))
    elif summary.trained is not None:
        parts.append(Text(f"trained: test accuracy {percent(summary.trained['test']['accuracy'])}", "bold green"))
    if summary.data:
        parts.append(Text(f"trained on {summary.data}", style="dim"))
    if summary.note:
        parts.append(Text(summary.note, style="yellow"))
    space = spaces[settings.space]
    parts.append(cell_panels(space, space.parse(settings.genotype)))
    parts.append(Text(settings.genotype))
    if summary.history:
        parts.append(
            epochs_table(summary.history[-LAST_EPOCHS:], width, settings.chosen.judged.removeprefix("under "))
        )
    words, name = NEXT[summary.stage]
    return Group(*parts, Text(f"{words}: {command(name, summary.path)}", style="yellow"))
