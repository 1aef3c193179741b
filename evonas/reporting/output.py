"""Output of commands: rich in a terminal, plain text in a pipe, JSON only on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from evonas.core.arguments import one_of
from evonas.core.events import Listener, Observer, Observers
from evonas.core.ranks import is_first
from evonas.reporting.columns import ENDLESS
from evonas.reporting.jsonl import JsonLines
from evonas.reporting.live import LiveView
from evonas.reporting.plain import LogFile, PlainLines
from evonas.reporting.screen import Screens, speak_ascii
from evonas.reporting.trackers.mlflow import MLflow
from evonas.reporting.trackers.wandb import WandB
from spaces.errors import UsageError

Log = tuple[str, str]  # a format and a place
LOG_FORMATS: dict[str, Callable[[str, Callable[[str], object]], Observer]] = {
    "jsonl": lambda place, warn: JsonLines(Path(place), warn),
    "mlflow": MLflow,
    "wandb": WandB,
}
PACKAGES = {"mlflow": 'pip install "evonas[mlflow]"', "wandb": 'pip install "evonas[wandb]"'}


def make_console() -> Console:
    """Standard output, coloured only in a terminal; of several processes only the first one prints.

    In a pipe or a file nothing is truncated.
    """
    speak_ascii()
    console = Console(highlight=False, quiet=not is_first())
    if not console.is_terminal:
        console.width = ENDLESS
    return console


def print_rich(renderable: RenderableType) -> None:
    """Print without breaking lines, so that they can be copied."""
    make_console().print(renderable, soft_wrap=True, markup=False)


def announce(text: str) -> None:
    """Print a message to standard error; of several processes only the first one does."""
    console = Console(highlight=False, stderr=True, quiet=not is_first())
    console.print(text, soft_wrap=True, markup=False, style="dim")


def print_json(content: Any) -> None:
    """One JSON document."""
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


def print_text(text: str) -> None:
    """Text as it is."""
    sys.stdout.write(text)


def search_observer(console: Console, log: Log | None = None) -> Observer:
    """Live in a terminal, one plain line per event elsewhere; run.log and ``log`` in both cases."""
    if not console.is_interactive:
        return _plain(console, log)
    from evonas.reporting.evaluation import EvaluationView
    from evonas.reporting.tabulation import TrainingsView
    from evonas.reporting.training import TrainingView

    views = LiveView(console), TrainingView(console), TrainingsView(console), EvaluationView(console)
    return Observers(Screens(console, *views), *_files(log))


def evaluation_observer(as_json: bool, log: Log | None = None) -> Observer:
    """A progress bar or plain lines; on standard error if standard output is for JSON."""
    console = Console(highlight=False, stderr=True) if as_json else make_console()
    if not console.is_interactive:
        return _plain(console, log)
    from evonas.reporting.evaluation import EvaluationView

    return Observers(Screens(console, EvaluationView(console)), *_logs(log))


def announcing_observer() -> Observer:
    """Every event as a line on standard error, where standard output is for the result alone."""
    return PlainLines(announce)


def verification_observer() -> Observer:
    """A progress bar on standard error; nothing if that is not a terminal."""
    console = Console(highlight=False, stderr=True)
    if not console.is_interactive:
        return Listener()
    from evonas.reporting.evaluation import EvaluationView

    return EvaluationView(console)


def training_observer(console: Console, log: Log | None = None) -> Observer:
    """The observer of a training."""
    if not console.is_interactive:
        return _plain(console, log)
    from evonas.reporting.tabulation import TrainingsView
    from evonas.reporting.training import TrainingView

    return Observers(Screens(console, TrainingView(console), TrainingsView(console)), *_files(log))


def _plain(console: Console, log: Log | None) -> Observer:
    def write(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False)

    return Observers(PlainLines(write), *_files(log))


def _files(log: Log | None) -> list[Observer]:
    """The observers that always write."""
    return [LogFile(), *_tensorboard(), *_logs(log)]


def _logs(log: Log | None) -> list[Observer]:
    """The log of ``--log FORMAT PLACE``; of several processes only the first one writes it."""
    if log is None:
        return []
    name, place = log
    make = LOG_FORMATS[one_of(name, "--log format", LOG_FORMATS)]
    if name in PACKAGES and find_spec(name) is None:
        raise UsageError(f"--log {name} needs {name}: {PACKAGES[name]}")
    return [make(place, announce)] if is_first() else []


def _tensorboard() -> list[Observer]:
    if find_spec("tensorboard") is None or not is_first():
        return []
    from evonas.reporting.tensorboard import TensorBoard

    return [TensorBoard(announce)]
