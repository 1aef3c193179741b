"""The target of `evaluate`: a run with a trained network, or a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.advice import command
from evonas.files import exists
from evonas.nearby import other_runs
from spaces.errors import EvonasError, UsageError, shorten

if TYPE_CHECKING:
    from torch import Tensor

    from evonas.final.checkpoint import Checkpoint
    from evonas.final.images import Images

BEST = Path("train") / "best.safetensors"


@dataclass(frozen=True)
class Target:
    """A checkpoint and the paths of its results."""

    checkpoint: Path
    result: Path
    journal: Path

    @property
    def asked(self) -> Path:
        """The argument of a command for it."""
        return self.result.parent if self.checkpoint == self.result.parent / BEST else self.checkpoint


def in_run(run: Path) -> Target:
    """The best checkpoint of a run, which may be missing."""
    return Target(run / BEST, run / "evaluation.json", run / "evaluation.db")


def locate(path: Path) -> Target:
    """For a run, its best checkpoint. Raises `UsageError` if there is none."""
    if not exists(path):
        raise UsageError(
            f"{shorten(str(path), 300)} is neither a run nor a checkpoint: it does not exist{other_runs(path)}"
        )
    if path.is_dir():
        if not (path / BEST).is_file():
            raise UsageError(f"{path} has no trained network ({BEST}); train one with: {command('train', path)}")
        return in_run(path)
    return Target(path, path.with_suffix(".evaluation.json"), path.with_suffix(".evaluation.db"))


def images_for(checkpoint: Checkpoint, data_dir: str | None) -> Images:
    """The whole test split of the data set that the network was trained on, on the CPU.

    Raises `EvonasError` if that has other classes or another size of images now.
    """
    from evonas.data import describe
    from evonas.final.images import testing_images

    trained = replace(checkpoint.settings, data_dir=data_dir or checkpoint.settings.data_dir, device="cpu")
    here = describe(trained.dataset, trained.data_dir, trained.image_size)
    if len(here.classes) != trained.classes or here.image_size != trained.image_size:
        raise EvonasError(
            f"{checkpoint.path} expects {trained.classes} classes and images of {trained.image_size} pixels, but "
            f"{trained.dataset} has {len(here.classes)} classes and {here.image_size} pixels"
        )
    return testing_images(trained)


def draw(count: int | None, n: int, seed: int) -> Tensor:
    """Indices of ``count`` of ``n`` images, drawn by the seed and in order. Raises `UsageError` for too many."""
    import torch

    from fitness import stable_hash

    if count is None or count == n:
        return torch.arange(n)
    if count > n:
        raise UsageError(f"--images {count} is larger than the test set ({n} images)")
    generator = torch.Generator().manual_seed(stable_hash(seed, "evaluate"))
    return torch.randperm(n, generator=generator)[:count].sort().values
