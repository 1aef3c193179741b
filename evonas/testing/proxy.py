"""The contract of a proxy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from evonas.testing.properties import Picture, global_generators, refused, require
from fitness import Batch, Proxy, Score, Task, proxies
from fitness.base import threads
from spaces import Network, NetworkSize, Space, UsageError, spaces

SEPARATORS = set(",+* \t\n")  # of lists and composites of proxies
SMALL = NetworkSize(4, 3, image_size=8)
IMAGES = 4

Values = list[dict[str, float | None]]  # by proxy, one mapping for each genotype


@dataclass(frozen=True)
class Trial:
    """Proxies, and small tasks of one space to score with them.

    Proxies that share passes share them here too, so that a contract of many costs little more than of one.
    """

    proxies: tuple[Proxy, ...]
    space: Space
    size: NetworkSize = SMALL

    def on(self, proxy: Proxy | str) -> str:
        return f"proxy {getattr(proxy, 'name', proxy)!r} on space {self.space.name!r}"

    def genotypes(self, count: int = 2) -> list[Any]:
        rng = np.random.default_rng(4)
        return [self.space.random(rng) for _ in range(count)]

    def task(self, dtype: torch.dtype = torch.float64, seed: int = 0) -> Task:
        """Random images; a new object every time, so that nothing computed for another one is reused."""
        generator = torch.Generator().manual_seed(8)
        images = torch.randn((IMAGES, *self.size.image), generator=generator, dtype=torch.float64)
        bound = torch.full((3, 1, 1), 4.0, dtype=torch.float64)
        batch = Batch(images.clamp(-bound, bound), torch.arange(IMAGES) % 3, -bound, bound)
        return Task(self.space, self.size, seed, batch, dtype=dtype)

    def scores(self, genotypes: Sequence[Any], task: Task) -> list[dict[str, Score]]:
        return [{proxy.name: proxy.score(genotype, task) for proxy in self.proxies} for genotype in genotypes]

    def values(self, genotypes: Sequence[Any], task: Task) -> Values:
        found = self.scores(genotypes, task)
        return [{name: score.value for name, score in scores.items()} for scores in found]

    def require_equal(self, found: Values, expected: Values, text: str) -> None:
        """Raises `AssertionError` with ``text`` about the proxies whose values differ in any bit."""
        for proxy in self.proxies:
            pair = [one[proxy.name] for one in found], [one[proxy.name] for one in expected]
            require(pair[0] == pair[1], f"{self.on(proxy)}: {text}: {pair[0]} and {pair[1]}")


@dataclass(frozen=True)
class Watched(Task):
    """A task that keeps the networks it builds, each with a picture of it."""

    built: list[tuple[Network, Picture]] = field(default_factory=list, compare=False)

    def network(self, genotype: Any, *, norm: bool = True) -> Network:
        network = super().network(genotype, norm=norm)
        self.built.append((network, Picture(network)))
        return network


def it_describes_itself(trial: Trial) -> None:
    """A docstring, a formula, a source and a cost; a name that lists and composites can hold; a version."""
    for proxy in trial.proxies:
        require(proxy.summary, f"the function of proxy {proxy.name!r} has no docstring")
        for what in ("formula", "source", "cost"):
            require(getattr(proxy, what), f"proxy {proxy.name!r} has no {what}")
        clean = proxy.name and not set(proxy.name) & SEPARATORS
        require(clean, f"the name {proxy.name!r} is empty or contains a comma, +, * or a space")
        whole = type(proxy.version) is int and proxy.version > 0
        require(whole, f"the version of proxy {proxy.name!r} is {proxy.version!r}")


def scores_are_finite_or_have_a_reason(trial: Trial) -> None:
    """In both precisions; at least one genotype has a score."""
    for dtype in (torch.float32, torch.float64):
        found = trial.scores(trial.genotypes(), trial.task(dtype))
        for proxy in trial.proxies:
            scores = [one[proxy.name] for one in found]
            for value, reason, _ in scores:
                finite = value is not None and math.isfinite(value)
                require(finite != bool(reason), f"{trial.on(proxy)} gives {value} with the reason {reason!r}")
            reasons = ", ".join(sorted({score.reason for score in scores}))
            some = any(score.value is not None for score in scores)
            require(some, f"{trial.on(proxy)} has no score at all: {reasons}")


def scores_depend_on_genotype_and_task_alone(trial: Trial) -> None:
    """Not on their order, on what was scored before, on the object that holds the task, or on other proxies."""
    genotypes, task = trial.genotypes(), trial.task()
    forwards = trial.values(genotypes, task)
    trial.require_equal(trial.values(genotypes[::-1], task), forwards[::-1], "scores depend on their order")
    alone: Values = [{proxy.name: proxy.score(genotypes[1], trial.task()).value for proxy in trial.proxies[::-1]}]
    trial.require_equal(alone, forwards[1:], "a score depends on what was scored before")


def scores_do_not_depend_on_global_generators(trial: Trial) -> None:
    found: list[Values] = []
    (genotype,) = trial.genotypes(1)
    for seed in (1, 2):
        task, scores = trial.task(), {}
        for proxy in trial.proxies:
            with global_generators(seed, trial.on(proxy)):
                scores[proxy.name] = proxy.score(genotype, task).value
        found.append([scores])
    trial.require_equal(found[0], found[1], "scores depend on a global random seed")


def scores_do_not_depend_on_the_number_of_threads(trial: Trial) -> None:
    found = []
    for count in (1, 2):
        with threads(count):
            found.append(trial.values(trial.genotypes(1), trial.task(torch.float32)))
            unchanged = torch.get_num_threads() == count
            require(unchanged, f"{trial.on(trial.proxies[0])} or its neighbours change the number of threads")
    trial.require_equal(found[0], found[1], "scores depend on the number of threads")


def the_seed_of_the_task_decides(trial: Trial) -> None:
    """Equal seeds give equal scores; only a proxy with the cost "no network" does not depend on the seed."""
    first, again, other = (trial.values(trial.genotypes(1), trial.task(seed=seed)) for seed in (0, 0, 1))
    trial.require_equal(first, again, "equal seeds give different scores")
    for proxy in trial.proxies:
        depends = first[0][proxy.name] != other[0][proxy.name]
        expected = proxy.cost != "no network"
        verb = "depend" if depends else "do not depend"
        require(
            depends == expected, f"{trial.on(proxy)}: scores {verb} on the seed, but the cost is {proxy.cost!r}"
        )


def images_are_needed_as_declared(trial: Trial) -> None:
    """Without a batch `UsageError` if ``needs_images``, else the same score as with one."""
    (genotype,), bare = trial.genotypes(1), replace(trial.task(), batch=None)
    for proxy in trial.proxies:
        if proxy.needs_images:
            text = f"{trial.on(proxy)} must raise UsageError without images, or declare needs_images=False"
            refused(partial(proxy.score, genotype, bare), UsageError, text)
            continue
        same = proxy.score(genotype, bare).value == proxy.score(genotype, trial.task()).value
        require(same, f"{trial.on(proxy)} depends on the images, but declares needs_images=False")


def images_that_are_not_numbers_give_no_score(trial: Trial) -> None:
    task = trial.task()
    assert task.batch is not None
    broken = replace(task, batch=task.batch._replace(images=task.batch.images * math.nan))
    (found,) = trial.scores(trial.genotypes(1), broken)
    for proxy in trial.proxies:
        score = found[proxy.name]
        absent = score.value is None and score.reason
        require(absent or not proxy.needs_images, f"{trial.on(proxy)} gives {score.value} for images of NaN")


def networks_are_left_as_they_were(trial: Trial) -> None:
    """Weights, buffers, modes, hooks and gradients, because other proxies use the same network."""
    watched, (genotype,) = Watched(**vars(trial.task())), trial.genotypes(1)
    for proxy in trial.proxies:
        proxy.score(genotype, watched)
        for network, picture in watched.built:
            picture.require_of(network, trial.on(proxy))


PROPERTIES: tuple[Callable[[Trial], None], ...] = (
    it_describes_itself,
    scores_are_finite_or_have_a_reason,
    scores_depend_on_genotype_and_task_alone,
    scores_do_not_depend_on_global_generators,
    scores_do_not_depend_on_the_number_of_threads,
    the_seed_of_the_task_decides,
    images_are_needed_as_declared,
    images_that_are_not_numbers_give_no_score,
    networks_are_left_as_they_were,
)


def check_proxy(proxy: Proxy | str, space: Space | None = None, size: NetworkSize = SMALL) -> None:
    """Raises `AssertionError` unless ``proxy``, an object or a registered name, keeps its contract.

    It is checked with networks of ``size`` on ``space``, by default on every registered space. See `PROPERTIES` in
    this file for what is checked.
    """
    subject = proxies[proxy] if isinstance(proxy, str) else proxy
    for one in [space] if space is not None else [one for _, one in spaces.loadable()]:
        for holds in PROPERTIES:
            holds(Trial((subject,), one, size))
