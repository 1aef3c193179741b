"""Where commands write: rich on a terminal, plain text in a pipe, JSON alone on standard output."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from typing import Any

from rich.console import Console, RenderableType

from evonas.observer import Observer, Observers
from evonas.report.live import LiveView
from evonas.report.plain import LogFile, PlainLines


def make_console() -> Console:
    """Standard output, without colours that nobody asked for; of several processes only the first one speaks."""
    return Console(highlight=False, quiet=os.environ.get("RANK", "0") != "0")


def print_rich(renderable: RenderableType) -> None:
    """Print without breaking lines that somebody may want to copy."""
    make_console().print(renderable, soft_wrap=True, markup=False)


def announce(text: str) -> None:
    """News of the work, on standard error."""
    Console(highlight=False, stderr=True).print(text, soft_wrap=True, markup=False, style="dim")


def print_json(content: Any) -> None:
    """One JSON document."""
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


def search_observer(console: Console) -> Observer:
    """Live in a terminal, one plain line an event elsewhere; run.log in either case."""
    if not console.is_interactive:
        return _plain(console)
    from evonas.report.evaluation import EvaluationView
    from evonas.report.training import TrainingView

    views = (LiveView(console), TrainingView(console), EvaluationView(console))
    return Observers(*views, LogFile(), *_tensorboard())


def evaluation_observer(as_json: bool) -> Observer:
    """A bar or plain lines; on standard error where standard output is for JSON."""
    console = Console(highlight=False, stderr=True) if as_json else make_console()
    if not console.is_interactive:
        return _plain(console)
    from evonas.report.evaluation import EvaluationView

    return EvaluationView(console)


def training_observer(console: Console) -> Observer:
    """The same for a training."""
    if not console.is_interactive:
        return _plain(console)
    from evonas.report.training import TrainingView

    return Observers(TrainingView(console), LogFile(), *_tensorboard())


def _plain(console: Console) -> Observer:
    def write(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False)

    return Observers(PlainLines(write), LogFile(), *_tensorboard())


def _tensorboard() -> list[Observer]:
    if find_spec("tensorboard") is None:
        return []
    from evonas.report.tensorboard import TensorBoard

    return [TensorBoard()]
