"""evonas: robust neural architecture search for small image classifiers.

Classes are loaded when they are asked for, so that a command does not wait for what it does not use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from evonas.api import (
    bench,
    compare,
    correlate,
    corrupt,
    evaluate,
    export,
    plot,
    report,
    resume,
    score,
    search,
    summarise,
    train,
    verify,
)
from evonas.config import SearchSettings
from evonas.final.evaluation.settings import EvaluateSettings
from spaces.errors import EvonasError, UsageError

if TYPE_CHECKING:
    from evonas.engine.auto import Auto
    from evonas.engine.base import Engine
    from evonas.engine.in_process import InProcess
    from evonas.engine.processes import Processes
    from evonas.engine.ray_cluster import Ray
    from evonas.final.plan import FinalPlan
    from evonas.final.settings import TrainSettings
    from evonas.interrupts import Interrupted
    from evonas.observer import Observer, Observers

__version__ = "0.1.0"

_HOMES = {
    "Auto": "evonas.engine.auto",
    "Engine": "evonas.engine.base",
    "FinalPlan": "evonas.final.plan",
    "InProcess": "evonas.engine.in_process",
    "Interrupted": "evonas.interrupts",
    "Observer": "evonas.observer",
    "Observers": "evonas.observer",
    "Processes": "evonas.engine.processes",
    "Ray": "evonas.engine.ray_cluster",
    "TrainSettings": "evonas.final.settings",
}

__all__ = [
    "Auto",
    "Engine",
    "EvaluateSettings",
    "EvonasError",
    "FinalPlan",
    "InProcess",
    "Interrupted",
    "Observer",
    "Observers",
    "Processes",
    "Ray",
    "SearchSettings",
    "TrainSettings",
    "UsageError",
    "bench",
    "compare",
    "correlate",
    "corrupt",
    "evaluate",
    "export",
    "plot",
    "report",
    "resume",
    "score",
    "search",
    "summarise",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'evonas' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
