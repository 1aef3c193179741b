"""The target of `evaluate`: a run with a trained network, or a checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evonas.core.files import exists
from evonas.core.shell import command
from evonas.store.nearby import is_run, other_runs
from evonas.training.artefacts import misplaced, weights_in
from evonas.training.data_identity import require_classes
from spaces.errors import EvonasError, UsageError, shorten

if TYPE_CHECKING:
    from torch import Tensor

    from evonas.training.checkpoint import Checkpoint
    from evonas.training.data_check import EvaluatedData
    from evonas.training.images import Images

NOT_WEIGHTS = (".json", ".db", ".html", ".onnx", ".pt2", ".csv", ".log")
BEST = Path("train") / "best.safetensors"


@dataclass(frozen=True)
class Target:
    """A checkpoint and the paths of its results."""

    checkpoint: Path
    result: Path
    journal: Path

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


class Measured(NamedTuple):
    """The test images of an evaluation, on the CPU, and whether they are those of the training."""

    images: Images
    data: EvaluatedData


def images_for(
    checkpoint: Checkpoint, data_dir: str | None, dataset: str | None = None, other_data: bool = False
) -> Measured:
    """All test images of the data set of the training, or of ``dataset``.

    Raises `EvonasError` if classes, image size or labels differ and, without ``other_data``, if images differ.
    """
    from evonas.data import source
    from evonas.training.data_check import UNCHECKED, EvaluatedData, require_test
    from evonas.training.images import read
    from evonas.training.known_images import KnownImages

    trained = checkpoint.settings
    where = dataset or trained.dataset
    what = str(checkpoint.path)
    if where.startswith("folder:") and not exists(Path(where.removeprefix("folder:")).expanduser()):
        raise UsageError(f"{what}: {where} does not exist; if it was moved, add --dataset folder:PATH")
    data = source(where, data_dir or trained.data_dir, trained.image_size)
    if checkpoint.data is not None:  # before any image is read
        require_classes(checkpoint.data.identity.classes, data.classes, what, where)
    if len(data.classes) != trained.classes or data.image_size != trained.image_size:
        raise EvonasError(
            f"{what} expects {trained.classes} classes and images of {trained.image_size} pixels, but "
            f"{where} has {len(data.classes)} classes and {data.image_size} pixels"
        )
    testing = read(data, "test")
    known = KnownImages.of(testing.images, testing.labels)
    if checkpoint.data is None:
        return Measured(testing, EvaluatedData(UNCHECKED, tuple(data.classes), asdict(known.identity)))
    return Measured(testing, require_test(checkpoint.data, data.classes, known, what, where, other_data))


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
