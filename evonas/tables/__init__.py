"""Tables of trained architectures, and how well proxies rank them."""

from evonas.data.tables.table import Table, read_table
from evonas.tables.correlate import Correlation, correlate
from evonas.tables.plot import heat_map, scatter
from evonas.tables.published import TABLE_1A, beyond_interval, markdown
from evonas.tables.sampling import sample
from evonas.tables.scores import ArchitectureScored, ScoreFile, score_and_keep
from evonas.tables.several import Correlations, Standing
from evonas.tables.targets import GROUPINGS, Target, targets

__all__ = [
    "GROUPINGS",
    "TABLE_1A",
    "ArchitectureScored",
    "Correlation",
    "Correlations",
    "ScoreFile",
    "Standing",
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
