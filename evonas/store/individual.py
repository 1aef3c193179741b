"""One individual of a search, the only shape that it has in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evonas.store.objective import Objective


@dataclass(frozen=True)
class Individual:
    """A genotype that was born in a search, with its values once it is scored.

    ``values`` maps the objectives, which come first in their order, and the members of a composite to numbers;
    None: no value.
    """

    birth: int  # 0, 1, 2, ... in order of birth
    generation: int
    parents: tuple[int, ...]  # their births; none for a genotype that was drawn at random
    genotype: Any
    canonical: Any  # the genotype in its canonical form
    values: Mapping[str, float | None]
    params: int
    flops: int
    cached: bool = False  # an earlier birth was the same network, nothing was computed

    @property
    def score(self) -> float | None:
        """The value of the first objective; None if there is none, or none yet."""
        return next(iter(self.values.values()), None)

    def gains(self, objectives: Sequence[Objective]) -> tuple[float, ...] | None:
        """The value of each objective, negated where smaller is better; None where one of them has no value."""
        found = [one.sign * value for one in objectives if (value := self.values.get(one.name)) is not None]
        return tuple(found) if len(found) == len(objectives) else None

    def as_json(self) -> dict[str, Any]:
        """A member of a front as ``show --json`` and best.json have it."""
        shape = {"genotype": str(self.genotype), "birth": self.birth, "values": dict(self.values)}
        return shape | {"params": self.params, "flops": self.flops}

    @property
    def parent(self) -> int | None:
        """The first parent."""
        return self.parents[0] if self.parents else None

    @cached_property
    def key(self) -> str:
        """The canonical form as text, by which run.db knows the network."""
        return str(self.canonical)
