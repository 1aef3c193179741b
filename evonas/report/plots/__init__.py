"""Pictures for papers by name."""

from evonas.report.plots import cells, corruptions, epsilon, history, pareto  # noqa: F401  (each registers itself)
from evonas.report.plots.base import FORMATS, plot, plots

__all__ = ["FORMATS", "plot", "plots"]
