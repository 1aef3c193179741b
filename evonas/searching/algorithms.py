"""The registry of search algorithms."""

from evonas.searching.algorithm import Algorithm
from spaces.registry import Registry

algorithms: Registry[type[Algorithm]] = Registry(
    "algorithm",
    {"regularized-evolution": "evonas.searching.regularized_evolution"},
    group="evonas.algorithms",
)

__all__ = ["Algorithm", "algorithms"]
