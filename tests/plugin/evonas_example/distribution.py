"""An algorithm: an estimation of distribution over the kernels of `evonas_example.chain`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evonas.core.options import bounded
from evonas.searching.algorithm import Algorithm, Birth, PopulationOptions
from evonas.searching.algorithms import algorithms
from evonas_example.chain import Chain

KERNELS = "1357"


@dataclass(frozen=True)
class Options(PopulationOptions):
    rate: float = bounded(0.5, 0, 1)  # at which the distribution follows a generation


@algorithms.register("chain-distribution")
class ChainDistribution(Algorithm):
    """Draws every kernel from its frequency among the better half of the generations so far."""

    Options = Options

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.frequencies = np.full((4, len(KERNELS)), 1 / len(KERNELS))
        self.last: list[int] = []

    def _draw(self) -> Chain:
        while True:
            chain = Chain("".join(KERNELS[self.rng.choice(len(KERNELS), p=row)] for row in self.frequencies))
            if self.admission.admits(chain):
                return chain

    def ask(self) -> list[Birth]:
        return [Birth(self._draw()) for _ in range(self.options.population)]

    def tell(self, born: Sequence[Any]) -> None:
        self.last = [one.birth for one in born]
        scored = sorted((one for one in born if one.score is not None), key=lambda one: -one.score)
        better = [one.genotype for one in scored[: max(1, len(born) // 2)]]
        if better:
            counts = [[sum(one[i] == kernel for one in better) for kernel in KERNELS] for i in range(4)]
            self.frequencies += self.options.rate * (np.array(counts) / len(better) - self.frequencies)

    def alive(self) -> list[int]:
        return self.last

    def state_dict(self) -> dict[str, Any]:
        return {"frequencies": self.frequencies.copy()}

    def load_state_dict(self, state: Any, alive: Sequence[int], history: Any) -> None:
        self.frequencies, self.last = state["frequencies"], list(alive)
