"""The target of `evaluate`: a run with a trained network, or a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.core.files import exists
from evonas.core.shell import command
from evonas.store.nearby import is_run, other_runs
from evonas.training.artefacts import misplaced, weights_in
from spaces.errors import UsageError, shorten

if TYPE_CHECKING:
    from torch import Tensor


NOT_WEIGHTS = (".json", ".db", ".html", ".onnx", ".pt2", ".csv", ".tsv", ".log")
BEST = Path("train") / "best.safetensors"


@dataclass(frozen=True)
class Target:
    """A checkpoint and the paths of its results."""

    checkpoint: Path
    result: Path
    journal: Path

    @property
    def smoothing(self) -> Path:
        """The file of randomised smoothing."""
        return self.result.with_name(self.result.name.replace("evaluation.json", "smoothing.tsv"))

    @property
    def is_run(self) -> bool:
        """Whether it is the best checkpoint of a run, as such."""
        return self.checkpoint == self.result.parent / BEST

    @property
    def asked(self) -> Path:
        """The argument of a command for it."""
        return self.result.parent if self.is_run else self.checkpoint


def in_run(run: Path) -> Target:
    """The best checkpoint of a run, which may be missing."""
    return Target(run / BEST, run / "evaluation.json", run / "evaluation.db")


def locate(path: Path, name: str = "evaluate") -> Target:
    """For a run, its best checkpoint, for an export its weights. Raises `UsageError` if there is none.

    ``name`` is the command that a message names.
    """
    if not exists(path):
        raise UsageError(
            f"{shorten(str(path), 300)} is neither a run nor a checkpoint: it does not exist{other_runs(path)}"
        )
    if path.is_dir() and (weights := weights_in(path)) is not None:
        path = weights
    if path.is_dir():
        if not (path / BEST).is_file() and not is_run(path):
            raise misplaced(path, name)
        if not (path / BEST).is_file():
            raise UsageError(f"{path} has no trained network ({BEST}); train one with: {command('train', path)}")
        return in_run(path)
    if path.suffix in NOT_WEIGHTS:
        raise misplaced(path, name)
    return Target(path, path.with_suffix(".evaluation.json"), path.with_suffix(".evaluation.db"))


def draw(count: int | None, n: int, seed: int) -> Tensor:
    """Indices (count,) of ``count`` of ``n`` images, drawn by the seed and in order.

    Raises `UsageError` for too many.
    """
    import torch

    from fitness import stable_hash

    if count is None or count == n:
        return torch.arange(n)
    if count > n:
        raise UsageError(f"--images {count} is larger than the test set ({n} images)")
    generator = torch.Generator().manual_seed(stable_hash(seed, "evaluate"))
    return torch.randperm(n, generator=generator)[:count].sort().values
