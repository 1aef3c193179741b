"""All algorithms, registered by being imported here."""

from evonas.search import regularized_evolution  # noqa: F401  (registers itself)
from evonas.search.algorithm import Algorithm, algorithms

__all__ = ["Algorithm", "algorithms"]
