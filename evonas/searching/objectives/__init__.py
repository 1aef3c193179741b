"""The registry of kinds of fitness other than proxies: ``--proxy KIND`` or ``--proxy KIND:ARGUMENT``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:  # naming the kinds imports none
    from evonas.searching.objectives.fitness import Fitness

fitness_kinds: Registry[type[Fitness]] = Registry(
    "kind of fitness",
    {
        "latency": "evonas.searching.objectives.latency",
        "latency-model": "evonas.searching.objectives.latency_model",
        "trained": "evonas.searching.objectives.trained",
        "table": "evonas.searching.objectives.table",
        "file": "evonas.searching.objectives.file",
    },
    group="evonas.fitness",
)
