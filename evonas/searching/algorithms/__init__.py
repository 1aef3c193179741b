"""The registry of search algorithms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:  # naming the algorithms imports none
    from evonas.searching.algorithm import Algorithm

_NAMES = (
    "ag-net",
    "bananas",
    "boosted",
    "darts",
    "dsrna",
    "eda",
    "gp",
    "guided",
    "local-search",
    "nsga2",
    "random",
    "regularized-evolution",
    "warmup-move",
)

algorithms: Registry[type[Algorithm]] = Registry(
    "algorithm",
    {name: f"evonas.searching.algorithms.{name.replace('-', '_')}" for name in _NAMES},
    group="evonas.algorithms",
)
