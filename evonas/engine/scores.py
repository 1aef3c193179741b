"""The function that an engine maps to score genotypes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

from fitness import Score, Task, score_all
from fitness.population.memory import is_exhaustion
from spaces.errors import EvonasError

NETWORKS_AHEAD = 256  # of several populations; an interruption waits for all, some seconds on a GPU
POPULATIONS_AHEAD = 16  # of few networks, which take longer each
_LESS = "free memory, or use fewer --workers or another --device, and resume; computed scores are saved"


class Scorer(Protocol):
    """What computes the values of genotypes, in their order."""

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterable[Mapping[str, Score]]: ...


@dataclass(frozen=True)
class Proxies:
    """Scores genotypes by some proxies."""

    names: tuple[str, ...]

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterable[Mapping[str, Score]]:
        return score_all(genotypes, self.names, task)


def networks_per_call(task: Task) -> int:
    """How many genotypes an engine hands over at once: several populations where weights are drawn ahead."""
    networks = task.populations.networks if task.populations else 1
    return max(2 * networks, min(POPULATIONS_AHEAD * networks, NETWORKS_AHEAD)) if task.draws_ahead else networks


def score_chunk(genotypes: Sequence[Any], fitness: Scorer, task: Task) -> Iterator[dict[str, Score]]:
    """The values of genotypes as an engine maps them: over lists, one after the other.

    Raises `EvonasError` if the device fails, naming the first genotype without scores.
    """
    found = 0
    try:
        for scores in fitness.score(genotypes, task):
            found += 1
            yield dict(scores)
    except (RuntimeError, MemoryError) as error:
        first_line = str(error).strip().split("\n")[0] or type(error).__name__
        advice = f"; {_LESS}" if is_exhaustion(error) else ""
        raise EvonasError(
            f"scoring failed on {task.device}: {first_line} (genotype {genotypes[found]}){advice}"
        ) from error


def score_missing(wanted: Sequence[tuple[Any, Sequence[str]]], task: Task) -> Iterator[dict[str, Score]]:
    """The scores of each genotype by its proxies; neighbours with the same proxies are scored together."""
    for names, group in groupby(wanted, itemgetter(1)):
        yield from score_chunk([genotype for genotype, _ in group], Proxies(tuple(names)), task)


def no_score(names: Sequence[str], reason: str) -> dict[str, Score]:
    """The result of a genotype that could not be scored by any of ``names``."""
    return {name: Score(None, reason) for name in names}
