"""Further trainings of one genotype, with the next seeds, inside the directory of the first training.

``train/retrainings/seed-1`` is a run of its own, as ``evonas train GENOTYPE --seed 1`` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evonas.core.atomic_files import make_directory
from evonas.core.files import read_json, write_json
from evonas.core.shell import resuming
from evonas.training.paths import BEST, DIRECTORY, RESULT, SETTINGS
from evonas.training.plan import MAX_TRAININGS
from spaces.errors import EvonasError, UsageError

INSIDE = "retrainings"
PLAN, FAILED = "plan.json", "failed.json"
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class Retraining:
    """One further training, finished, failed or neither."""

    seed: int
    run: Path

    @property
    def checkpoint(self) -> Path:
        """The best epoch."""
        return self.run / DIRECTORY / BEST

    @property
    def journal(self) -> Path:
        """The results of its evaluation."""
        return self.run / "evaluation.db"

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return (self.run / DIRECTORY / RESULT).is_file()

    @property
    def accuracy(self) -> float:
        """On the test images, of a finished training. Raises `EvonasError` if it cannot be read."""
        return test_accuracy(self.run)

    @property
    def reason(self) -> str:
        """Why it failed; empty if it did not."""
        return str((read_json(self.run / FAILED) or {}).get("reason", ""))

    def fail(self, reason: str) -> None:
        """Record why it failed, so that it is not repeated."""
        make_directory(self.run)
        write_json(
            self.run / FAILED, {"reason": reason}, "finished trainings are saved. Free disk space and repeat"
        )


def test_accuracy(run: Path) -> float:
    """The accuracy of a finished training on the test images. Raises `EvonasError` if it cannot be read."""
    path = run / DIRECTORY / RESULT
    try:
        return float((read_json(path) or {})["test"]["accuracy"])
    except (KeyError, TypeError, ValueError):
        raise EvonasError(f"{path} has no accuracy on the test images") from None


def trainings(directory: Path) -> int:
    """How many trainings the genotype in ``directory`` is to have, the first one included."""
    path = directory / INSIDE / PLAN
    count = (read_json(path) or {"trainings": 1}).get("trainings")
    if type(count) is not int or not 1 <= count <= MAX_TRAININGS:
        raise EvonasError(f"{path} does not name a number of trainings; remove it and train again")
    return count


def require_seeds(first: int, count: int) -> None:
    """Raises `UsageError` unless there are ``count`` seeds from ``first`` on."""
    if first + count - 1 > MAX_SEED:
        raise UsageError(f"the last of {count} seeds would be larger than {MAX_SEED}; use a smaller --seed")


def plan(run: Path, count: int) -> None:
    """Store that the genotype trained in ``run`` is to be trained ``count`` times in all.

    Raises `UsageError` for fewer than before, and where seeds would be too large.
    """
    directory = run / DIRECTORY
    before = trainings(directory)
    if count < before:
        raise UsageError(f"{run} has {before} trainings of its genotype; their number can only grow")
    require_seeds(_seed(directory), count)
    if count > before:
        make_directory(directory / INSIDE)
        write_json(directory / INSIDE / PLAN, {"trainings": count}, resuming(run))


def retrainings(directory: Path) -> list[Retraining]:
    """The planned trainings of the genotype in ``directory`` after the first one, in order of the seeds."""
    count = trainings(directory)
    if count == 1:
        return []
    first = _seed(directory)
    places = ((first + number, directory / INSIDE / f"seed-{first + number}") for number in range(1, count))
    return [Retraining(seed, place) for seed, place in places]


def _seed(directory: Path) -> int:
    """That of the first training."""
    seed = (read_json(directory / SETTINGS) or {}).get("seed")
    if type(seed) is not int:
        raise EvonasError(f"{directory / SETTINGS} does not name a seed")
    return seed
