"""Tables of trained architectures, and how well proxies rank them."""

from evonas.bench.correlate import Correlation, correlate, sample
from evonas.bench.plot import heat_map, scatter
from evonas.bench.published import TABLE_1A, beyond_interval, markdown
from evonas.bench.scores import Progress, ScoreFile, score_and_keep
from evonas.bench.table import Table, read_table
from evonas.bench.targets import GROUPINGS, Target, targets

__all__ = [
    "GROUPINGS",
    "TABLE_1A",
    "Correlation",
    "Progress",
    "ScoreFile",
    "Table",
    "Target",
    "beyond_interval",
    "correlate",
    "heat_map",
    "markdown",
    "read_table",
    "sample",
    "scatter",
    "score_and_keep",
    "targets",
]
