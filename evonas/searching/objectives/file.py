"""The fitness ``file:PATH``: a sum of standardised proxies with its statistics, written by `evonas calibrate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from evonas.searching.objectives import fitness_kinds
from evonas.searching.objectives.fitness import MOVED, Fitness, Objective
from evonas.searching.objectives.fitness_file import FitnessFile
from fitness import Score, Task, proxies, score_all
from spaces import Space, UsageError

_ADVICE = f"{MOVED}, under the same file name"


@fitness_kinds.register("file")
@dataclass(frozen=True)
class StoredFitness(Fitness):
    """A sum of proxies from a file; every number that it depends on is in the file."""

    argument: str
    form: ClassVar[str] = "PATH"

    @cached_property
    def content(self) -> FitnessFile:
        """What the file says. Raises `UsageError` if it cannot be read or is not such a file."""
        return FitnessFile.read(Path(self.argument), _ADVICE)

    def __getstate__(self) -> dict[str, Any]:
        return {"argument": self.argument, "content": self.content}  # workers do not read it again

    @property
    def text(self) -> str:
        return f"file:{self.argument}"

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Objective(f"file:{Path(self.argument).stem}"),)

    @property
    def needs_images(self) -> bool:  # type: ignore[override]
        return any(proxies[member.name].needs_images for member in self.content.composite.members)

    def identity(self) -> dict[str, Any]:
        versions = {member.name: proxies[member.name].version for member in self.content.composite.members}
        return {self.objectives[0].name: {"sha256": self.content.sha256, "versions": versions}}

    def changed(self, name: str, then: Any, now: Any) -> str:
        other = then.get("sha256") if isinstance(then, dict) else then
        if other == self.content.sha256:
            return f"was scored by other versions of the proxies of {self.argument}; start a new run"
        return (
            f"was scored by another fitness: the SHA-256 in {self.argument} is {self.content.sha256[:12]}..., it "
            f"was {str(other)[:12]}...; restore the file ({_ADVICE}), or start a new run"
        )

    def check(self, space: Space) -> Sequence[str]:
        found = self.content
        if found.space != space.name:
            raise UsageError(
                f"{self.argument} was calibrated in the space {found.space}, so it cannot score genotypes of "
                f"{space.name}"
            )
        for name, version in found.versions.items():
            if proxies[name].version != version:
                raise UsageError(
                    f"{self.argument} was calibrated with version {version} of {name}, which is at version "
                    f"{proxies[name].version} now; calibrate again"
                )
        return ()

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        composite, name = self.content.composite, self.objectives[0].name
        for scores in score_all(genotypes, tuple(member.name for member in composite.members), task):
            yield {name: composite.combine(scores)}
