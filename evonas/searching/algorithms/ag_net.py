"""AG-Net: a generator of architectures, retrained on the best of them, proposes what a predictor then ranks.

Source: Lukasik, Jung, Keuper, "Learning Where To Look - Generative NAS is Surprisingly Efficient", ECCV 2022. The
code that they released differs from the paper, and this from both:

* There, the latent code of a training step is drawn without regard to the graph that it must reproduce, so that
  the optimum ignores it and the generator learns the marginals of the genes. Here an encoder pairs every code with
  its graph.
* There, the predictor sees the generated graph but learns the value of another one. Here it sees true encodings.
* There, rank weights act twice, in the sampler and in the loss. Here once, in the sampler.
* The generator there is a graph network that adds node by node; here a perceptron that decodes all slots of
  `Space.encode` at once.

`eda` is what remains without the generator; compare the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evonas.core.options import bounded
from evonas.searching.algorithm import Birth, History
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.archive import MAX_DRAWS, ArchiveOptions, rank_weights
from evonas.searching.algorithms.surrogate import Surrogate
from evonas.searching.surrogates.generator import Fitting, Generator
from evonas.store.individual import Individual
from evonas.store.state import State
from fitness.base import threads


@dataclass(frozen=True)
class Options(ArchiveOptions):
    """``weight`` is k of the rank weights; ``ascent`` the steps by which latent codes follow the predictor."""

    population: int = 16
    children: int = 16
    weight: float = bounded(0.01, 1e-6, 1e6)
    candidates: int = bounded(100, 1, 100_000)
    parents: int = bounded(16, 1, 10_000)
    pretraining: int = bounded(1000, 1, 1_000_000)
    pretraining_epochs: int = bounded(20, 0, 10_000)
    epochs: int = bounded(15, 1, 10_000)
    ascent: int = bounded(10, 0, 1000)


@algorithms.register("ag-net")
class AgNet(Surrogate):
    """Draws candidates from decoded latent codes near the best individuals; asks for the best predictions.

    Before the search the generator learns ``pretraining`` random genotypes without values.
    """

    Options = Options

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        size = len(self.space.encode(self.space.random(np.random.default_rng(0))))
        self.generator = Generator(size, Fitting(), 0)

    def first(self) -> list[Birth]:
        options = self.options
        codes = self.codes([self.admission.random(self.rng) for _ in range(options.pretraining)])
        with threads(1):
            self.generator = Generator(codes.shape[1], Fitting(), self._seed())
            self.generator.pretrain(codes, options.pretraining_epochs, self._seed())
        return super().first()

    def candidates(self, scored: list[Individual], values: np.ndarray) -> list[Birth]:
        codes = self.codes([one.genotype for one in scored])
        weights, options = rank_weights(values, self.options.weight), self.options
        best = np.argsort(-values, kind="stable")[: options.parents]
        found: list[Birth] = []
        with threads(1):
            self.generator.fit(codes, values, weights, options.epochs, self._seed())
            slots = list(self.generator.draw(codes[best], options.ascent, self._seed()))
        for _ in range(MAX_DRAWS):
            for weights in slots:
                genotype = self.space.sample(weights, self.rng)
                if self.admission.admits(genotype) and self.is_new(genotype):
                    found.append(Birth(genotype))
                if len(found) == options.candidates:
                    return found
        return found

    def rate(self, codes: np.ndarray, values: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        with threads(1):
            return self.generator.predict(candidates)

    def state_dict(self) -> State:
        return self.generator.state_dict()

    def load_state_dict(self, state: State, alive: Sequence[int], history: History) -> None:
        super().load_state_dict(state, alive, history)
        self.generator.load_state_dict(state)

    def _seed(self) -> int:
        return int(self.rng.integers(2**31))
