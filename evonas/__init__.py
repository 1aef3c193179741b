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
from evonas.core.version import __version__
from evonas.evaluation.settings import EvaluateSettings
from evonas.store.settings import SearchSettings
from spaces.errors import EvonasError, UsageError

if TYPE_CHECKING:
    from evonas.core.events import Observer, Observers
    from evonas.core.signals import Interrupted
    from evonas.engine.auto import Auto
    from evonas.engine.base import Engine
    from evonas.engine.in_process import InProcess
    from evonas.engine.processes import Processes
    from evonas.engine.ray_cluster import Ray
    from evonas.training.plan import FinalPlan
    from evonas.training.settings import TrainSettings

_HOMES = {
    "Auto": "evonas.engine.auto",
    "Engine": "evonas.engine.base",
    "FinalPlan": "evonas.training.plan",
    "InProcess": "evonas.engine.in_process",
    "Interrupted": "evonas.core.signals",
    "Observer": "evonas.core.events",
    "Observers": "evonas.core.events",
    "Processes": "evonas.engine.processes",
    "Ray": "evonas.engine.ray_cluster",
    "TrainSettings": "evonas.training.settings",
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
    "__version__",
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
