"""The functions of the public API; each checks its arguments and loads what it needs when it is called."""

from evonas.api.results import (
    bench,
    cite,
    compare,
    corrupt,
    evaluate,
    export,
    methods,
    plot,
    report,
    summarise,
    verify,
)
from evonas.api.searching import resume, score, search
from evonas.api.tables import benchmark, calibrate, correlate, fit_latency, tabulate
from evonas.api.training import train, training_result

__all__ = [
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
    "training_result",
    "verify",
]
