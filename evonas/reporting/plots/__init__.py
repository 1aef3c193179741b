"""Figures by name."""

from evonas.reporting.plots import cells, corruptions, epsilon, history, pareto  # noqa: F401  (each registers itself)
from evonas.reporting.plots.base import FORMATS, plot, plots

__all__ = ["FORMATS", "plot", "plots"]
