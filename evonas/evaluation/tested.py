"""The test images that a network was evaluated on, compared with those of another network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from unicodedata import normalize

from evonas.evaluation.conditions import dataset_of
from evonas.evaluation.result import Evaluation
from evonas.training.data_identity import SplitIdentity, listed
from evonas.training.settings import TrainSettings
from spaces.errors import UsageError


@dataclass(frozen=True)
class Tested:
    """The test images of one evaluation."""

    target: str  # the run or checkpoint
    dataset: str  # a folder by its name alone, so that copies in different places are one data set
    image_size: int  # pixels
    classes: tuple[str, ...]
    test: SplitIdentity

    @classmethod
    def of(cls, target: str, found: Evaluation, trained: TrainSettings) -> Tested | None:
        """None for an evaluation of an older version, which does not record its images."""
        if found.data is None or found.test is None or "classes" not in found.data:
            return None
        name = dataset_of(found, trained)
        if name.startswith("folder:"):
            name = f"folder:{PurePath(name.removeprefix('folder:')).name}"
        return cls(target, name, trained.image_size or 0, tuple(found.data["classes"]), found.test)

    def require(self, other: Tested, other_data: bool) -> None:
        """Raises `UsageError` for other classes or labels and, without ``other_data``, for other images."""
        if [normalize("NFC", name) for name in self.classes] != [normalize("NFC", name) for name in other.classes]:
            raise UsageError(
                f"{self.target} and {other.target} were evaluated on {self.dataset} with different classes: "
                f"{listed(self.classes)}; and {listed(other.classes)}. Compare them separately"
            )
        if self.image_size != other.image_size or self.test.labels == other.test.labels:
            return  # images of another size are other numbers, and groups of their own
        if self.test.images == other.test.images:
            raise UsageError(
                f"{self.target} and {other.target} were evaluated on the same images of {self.dataset} with "
                f"different labels; the classes are {listed(self.classes)} in both. Compare them separately, or "
                "evaluate one of them again"
            )
        if not other_data:
            raise UsageError(
                f"{self.target} and {other.target} were evaluated on different test images of {self.dataset} "
                f"({self.test.count} images {self.test.in_short}, and {other.test.count} images "
                f"{other.test.in_short}). To list them in separate groups, add --other-data"
            )
