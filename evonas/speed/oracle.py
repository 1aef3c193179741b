"""How far scores are from those of single networks in float64 on a CPU."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from evonas.engine.scores import Scorer
from fitness import Score, Task

NETWORKS = 2  # that are compared: float64 on a CPU takes seconds each


def exact(genotypes: Sequence[Any], fitness: Scorer, task: Task) -> list[Mapping[str, Score]]:
    """The scores of the first genotypes, one after the other in float64 on a CPU."""
    oracle = dataclasses.replace(task, device="cpu", dtype=torch.float64, populations=None)
    return list(fitness.score(genotypes[:NETWORKS], oracle))


def difference(found: Sequence[Mapping[str, Score]], expected: Sequence[Mapping[str, Score]]) -> float | None:
    """The largest |s - e| / |e| over all scores that both have; None if there are none."""
    pairs = [
        (scores[name].value, one[name].value)
        for scores, one in zip(found, expected, strict=False)
        for name in one
        if name in scores
    ]
    known = [(s, e) for s, e in pairs if s is not None and e is not None]
    return max((abs(s - e) / abs(e) if e else abs(s) for s, e in known), default=None)
