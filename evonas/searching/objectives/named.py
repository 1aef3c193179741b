"""The fitness that a text names: a proxy, a composite or another kind, maximised or minimised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evonas.core.separated import separated
from evonas.searching.objectives import fitness_kinds
from evonas.searching.objectives.fitness import Fitness, Objective
from evonas.searching.objectives.proxy import ProxyFitness
from evonas.searching.objectives.several import Several
from evonas.store.settings import SearchSettings
from fitness import Score, Task, composite, proxies
from spaces import Space
from spaces.errors import UsageError, shorten
from spaces.registry import closest


@dataclass(frozen=True)
class Minimised(Fitness):
    """Another fitness, of which less is better."""

    fitness: Fitness

    def within(self, settings: SearchSettings) -> Fitness:
        return Minimised(self.fitness.within(settings))

    @property
    def text(self) -> str:
        return f"-{self.fitness.text}"

    @property
    def objectives(self) -> tuple[Objective, ...]:
        first, *others = self.fitness.objectives
        return (Objective(first.name, not first.maximise), *others)

    @property
    def names(self) -> tuple[str, ...]:
        return self.fitness.names

    @property
    def needs_images(self) -> bool:  # type: ignore[override]
        return self.fitness.needs_images

    @property
    def positive(self) -> bool:  # type: ignore[override]
        return self.fitness.positive

    @property
    def measured(self) -> bool:  # type: ignore[override]
        return self.fitness.measured

    @property
    def slow(self) -> bool:  # type: ignore[override]
        return self.fitness.slow

    @property
    def of_proxies(self) -> bool:  # type: ignore[override]
        return self.fitness.of_proxies

    def identity(self) -> dict[str, Any]:
        return self.fitness.identity()

    def conditions(self, device: str) -> dict[str, str]:
        return self.fitness.conditions(device)

    def forecast(self, genotypes: Sequence[Any], task: Task) -> float | None:
        return self.fitness.forecast(genotypes, task)

    def check(self, space: Space) -> Sequence[str]:
        return self.fitness.check(space)

    def changed(self, name: str, then: Any, now: Any) -> str:
        return self.fitness.changed(name, then, now)

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        return self.fitness.score(genotypes, task)


def fitness_for(settings: SearchSettings) -> Fitness:
    """What a search with ``settings`` maximises or minimises. Raises `UsageError` as `fitness_of` does."""
    found = fitness_of(settings.proxy) if settings.objectives is None else several_of(settings.objectives)
    return found.within(settings)


def several_of(text: str) -> Several:
    """The fitness that ``--objectives`` names. Raises `UsageError` as `Several` and `fitness_of` do."""
    return Several(tuple(fitness_of(part) for part in separated(text)))


def fitness_of(text: str) -> Fitness:
    """The fitness that ``--proxy`` names; a minus sign stands before a value of which less is better.

    Raises `UsageError` for an unknown name or a malformed text.
    """
    name = text.removeprefix("-")
    kind, _, argument = name.partition(":")
    if name not in proxies and kind in fitness_kinds:
        form = fitness_kinds[kind].form
        if bool(argument) != bool(form) and not form.startswith("["):
            raise UsageError(f"--proxy {kind} is used as {kind}{f':{form}' if form else ''}, not {shorten(text)}")
        fitness: Fitness = fitness_kinds[kind](*([argument] if argument else []))
    elif (
        argument and not composite.is_composite(name) and not any(one.partition(":")[0] == kind for one in proxies)
    ):
        raise UsageError(f"unknown kind of fitness {shorten(kind)}: {closest(kind, list(fitness_kinds))}")
    elif "," in name:
        several = "+".join(part.strip() for part in name.split(",") if part.strip())
        raise UsageError(
            f"a search takes one --proxy; join several with + into a composite: {several}, or pass them as "
            "--objectives"
        )
    else:
        fitness = ProxyFitness(composite.normal(name))
    if name == text:
        return fitness
    if fitness.members:
        raise UsageError(f"a composite is maximised: give its proxies negative weights instead of {text!r}")
    return Minimised(fitness)
