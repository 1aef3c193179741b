"""evonas: robust neural architecture search for small image classifiers."""

from evonas.api import (
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

__version__ = "0.1.0"

__all__ = [
    "EvaluateSettings",
    "EvonasError",
    "SearchSettings",
    "UsageError",
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
