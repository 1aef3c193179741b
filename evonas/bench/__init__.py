"""Tables of trained architectures, and how well proxies rank them."""

from evonas.bench.correlate import Correlation, correlate, sample
from evonas.bench.plot import heat_map, scatter
from evonas.bench.scores import Progress, ScoreFile, score_all
from evonas.bench.table import Table, read_table
from evonas.bench.targets import GROUPINGS, Target, targets

__all__ = [
    "GROUPINGS",
    "Correlation",
    "Progress",
    "ScoreFile",
    "Table",
    "Target",
    "correlate",
    "heat_map",
    "read_table",
    "sample",
    "scatter",
    "score_all",
    "targets",
]
