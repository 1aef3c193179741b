"""The registry of search algorithms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:  # naming the algorithms imports none
    from evonas.searching.algorithm import Algorithm

algorithms: Registry[type[Algorithm]] = Registry(
    "algorithm",
    {"regularized-evolution": "evonas.searching.regularized_evolution"},
    group="evonas.algorithms",
)
