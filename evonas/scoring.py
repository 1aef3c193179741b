"""Scores of given genotypes, outside a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from evonas.config import SearchSettings
from evonas.engine import score_chunk
from evonas.search.loop import task_of
from spaces import UsageError, spaces


class ScoreRow(NamedTuple):
    """One genotype with its size and its scores; a score is None where it cannot be computed."""

    name: str  # as it was given
    genotype: Any
    params: int
    flops: int
    scores: dict[str, float | None]
    reasons: dict[str, str]  # of the scores that are None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The shape that ``evonas score --json`` prints."""
        shape = {"genotype": str(self.genotype), "params": self.params, "flops": self.flops}
        return shape | {"scores": self.scores, "reasons": self.reasons, "seconds": self.seconds}


def score(genotypes: Sequence[str], proxy_names: Sequence[str], settings: SearchSettings) -> list[ScoreRow]:
    """Score genotypes, or published ones by name, with several proxies.

    Images are read only if a proxy needs them. Raises `UsageError` for a malformed genotype or unknown name
    before anything is computed.
    """
    from evonas.data import batch
    from fitness import proxies

    if not genotypes:
        raise UsageError("give at least one genotype, or the name of a published one (see evonas list)")
    settings = settings.resolve()
    space = spaces[settings.space]
    parsed = [space.parse(text) for text in genotypes]
    needs_images = [name for name in proxy_names if proxies[name].needs_images]
    images = None
    if needs_images:
        images = batch(
            settings.dataset, settings.batch_size, settings.seed, settings.data_dir, settings.image_size
        )
    task = task_of(settings, images)
    rows = []
    for text, genotype in zip(genotypes, parsed, strict=True):
        (found,) = score_chunk([genotype], proxy_names, task)
        rows.append(
            ScoreRow(
                text,
                genotype,
                space.params(genotype, task.size),
                space.flops(genotype, task.size),
                {name: result.value for name, result in found.items()},
                {name: result.reason for name, result in found.items() if result.value is None},
                sum(result.seconds for result in found.values()),
            )
        )
    return rows
