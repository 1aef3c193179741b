"""evonas: robust neural architecture search for small image classifiers.

Classes are loaded when they are asked for, so that a command does not wait for what it does not use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from evonas.api import (
    bench,
    benchmark,
    calibrate,
    cite,
    compare,
    correlate,
    corrupt,
    evaluate,
    export,
    fit_latency,
    methods,
    plot,
    report,
    resume,
    score,
    search,
    summarise,
    tabulate,
    train,
    verify,
)
from evonas.core.version import __version__ as __version__
from evonas.evaluation.settings import EvaluateSettings
from evonas.store.settings import SearchSettings
from spaces.errors import EvonasError, UsageError

if TYPE_CHECKING:
    from evonas.core.events import Closed, Event, Listener, Message, Observer, Observers, Warned
    from evonas.core.signals import Interrupted
    from evonas.engine.auto import Auto
    from evonas.engine.base import Engine
    from evonas.engine.in_process import InProcess
    from evonas.engine.processes import Processes
    from evonas.engine.ray_cluster import Ray
    from evonas.evaluation.events import ImagesMeasured
    from evonas.searching.events import Evaluated, GenerationDone, SearchStarted
    from evonas.tabulating.events import NetworkTabulated, TabulationStarted
    from evonas.tabulating.settings import TabulateSettings
    from evonas.training.events import EpochDone, StepDone, TrainingStarted
    from evonas.training.plan import FinalPlan
    from evonas.training.settings import TrainSettings

_HOMES = {
    "Auto": "evonas.engine.auto",
    "Closed": "evonas.core.events",
    "Engine": "evonas.engine.base",
    "EpochDone": "evonas.training.events",
    "Evaluated": "evonas.searching.events",
    "Event": "evonas.core.events",
    "FinalPlan": "evonas.training.plan",
    "GenerationDone": "evonas.searching.events",
    "ImagesMeasured": "evonas.evaluation.events",
    "InProcess": "evonas.engine.in_process",
    "Interrupted": "evonas.core.signals",
    "Listener": "evonas.core.events",
    "Message": "evonas.core.events",
    "NetworkTabulated": "evonas.tabulating.events",
    "Observer": "evonas.core.events",
    "Observers": "evonas.core.events",
    "Processes": "evonas.engine.processes",
    "Ray": "evonas.engine.ray_cluster",
    "SearchStarted": "evonas.searching.events",
    "StepDone": "evonas.training.events",
    "TabulateSettings": "evonas.tabulating.settings",
    "TabulationStarted": "evonas.tabulating.events",
    "TrainSettings": "evonas.training.settings",
    "TrainingStarted": "evonas.training.events",
    "Warned": "evonas.core.events",
}

__all__ = [
    "Auto",
    "Closed",
    "Engine",
    "EpochDone",
    "EvaluateSettings",
    "Evaluated",
    "Event",
    "EvonasError",
    "FinalPlan",
    "GenerationDone",
    "ImagesMeasured",
    "InProcess",
    "Interrupted",
    "Listener",
    "Message",
    "NetworkTabulated",
    "Observer",
    "Observers",
    "Processes",
    "Ray",
    "SearchSettings",
    "SearchStarted",
    "StepDone",
    "TabulateSettings",
    "TabulationStarted",
    "TrainSettings",
    "TrainingStarted",
    "UsageError",
    "Warned",
    "bench",
    "benchmark",
    "calibrate",
    "cite",
    "compare",
    "correlate",
    "corrupt",
    "evaluate",
    "export",
    "fit_latency",
    "methods",
    "plot",
    "report",
    "resume",
    "score",
    "search",
    "summarise",
    "tabulate",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'evonas' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
