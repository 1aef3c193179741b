"""Imports all algorithms, which registers them."""

from evonas.searching import regularized_evolution  # noqa: F401  (registers itself)
from evonas.searching.algorithm import Algorithm, algorithms

__all__ = ["Algorithm", "algorithms"]
