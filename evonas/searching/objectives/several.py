"""Several fitnesses that are optimised together: ``--objectives "croze,-params"``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evonas.core.separated import joined
from evonas.searching.objectives.fitness import Fitness, Objective
from evonas.store.settings import SearchSettings
from fitness import Score, Task, score_all
from fitness.composite import Member
from spaces import Space, UsageError


@dataclass(frozen=True)
class Several(Fitness):
    """The first objective of each of ``single``, in order. Raises `UsageError` for two with one name."""

    single: tuple[Fitness, ...]

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise UsageError("--objectives takes two or more, separated by commas; --proxy takes one")
        twice = [name for name, count in Counter(one.name for one in self.objectives).items() if count > 1]
        if twice:
            raise UsageError(f"--objectives has two objectives called {twice[0]!r}; omit one of them")

    def within(self, settings: SearchSettings) -> Fitness:
        return Several(tuple(part.within(settings) for part in self.single))

    @property
    def parts(self) -> tuple[Fitness, ...]:
        return self.single

    @property
    def text(self) -> str:
        return joined(part.text for part in self.parts)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return tuple(part.objectives[0] for part in self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for part in self.parts for name in part.names))

    @property
    def composites(self) -> dict[str, tuple[Member, ...]]:
        return {name: members for part in self.parts for name, members in part.composites.items()}

    @property
    def needs_images(self) -> bool:  # type: ignore[override]
        return any(part.needs_images for part in self.parts)

    def identity(self) -> dict[str, Any]:
        return {name: version for part in self.parts for name, version in part.identity().items()}

    def check(self, space: Space) -> Sequence[str]:
        return [text for part in self.parts for text in part.check(space)]

    def changed(self, name: str, then: Any, now: Any) -> str:
        return next(part for part in self.parts if name in part.identity()).changed(name, then, now)

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        return Together(self.parts).score(genotypes, task)


@dataclass(frozen=True)
class Together:
    """Scores genotypes by ``parts``; proxies are scored together, so that those of the same passes share them."""

    parts: tuple[Fitness, ...]

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        """The values of each genotype by name, in order."""
        names = tuple(dict.fromkeys(name for part in self.parts if part.of_proxies for name in part.names))
        scored: list[Iterator[Mapping[str, Score]]] = [({} for _ in genotypes)]
        scored += [score_all(genotypes, names, task)] if names else []
        scored += [part.score(genotypes, task) for part in self.parts if not part.of_proxies]
        for found in zip(*scored, strict=True):
            yield {name: score for values in found for name, score in values.items()}
