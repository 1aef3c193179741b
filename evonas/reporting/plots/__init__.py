"""Figures by name."""

from evonas.reporting.plots.base import FORMATS, plot, plots

__all__ = ["FORMATS", "plot", "plots"]
