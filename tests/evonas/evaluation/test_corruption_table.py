"""The table of corruptions: published arrays where they are, ours elsewhere, every cell computed once."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import evonas
from evonas import EvonasError
from evonas.core.events import Event, Message
from evonas.core.signals import Interrupted, StopRequest
from evonas.evaluation.corrupted import FOLDERS, Published, Regenerated, corrupted, corruption_table
from evonas.evaluation.corruptions import GROUPS, corruptions
from evonas.evaluation.journal import Journal
from evonas.evaluation.outcomes import CorruptionTable
from evonas.evaluation.subject import Subject
from tests.evonas.networks import digits, trained

COUNT = 12
CELLS = 75
SEED = 3


class Cells(Regenerated):
    """Counts what is asked of it, and asks to stop after so many."""

    def __init__(self, seed: int, stop_after: int = 0, stop: StopRequest | None = None) -> None:
        super().__init__(seed)
        self.asked, self.stop_after, self.stop = 0, stop_after, stop or StopRequest()

    def images(self, name: str, severity: int, chosen: Tensor, clean: Tensor) -> Tensor:
        self.asked += 1
        self.stop.requested = self.asked == self.stop_after
        return super().images(name, severity, chosen, clean)


def subject(chosen: Tensor | None = None, **options: object) -> Subject:
    images, labels = digits("test")
    chosen = torch.arange(COUNT) if chosen is None else chosen
    return Subject(trained(), images[chosen], labels[chosen], batch_size=5, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the published one, for the first dozen digits, corrupted by ourselves."""
    path = tmp_path_factory.mktemp("arrays")
    images, labels = digits("test")
    for name in corruptions:
        rows = [evonas.corrupt(images[:COUNT], name, severity, seed=SEED) for severity in (1, 2, 3, 4, 5)]
        np.save(path / f"{name}.npy", torch.cat(rows).permute(0, 2, 3, 1).numpy())
    np.save(path / "labels.npy", np.tile(labels[:COUNT].numpy(), 5))
    return path


@pytest.fixture
def arrays(saved: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(saved, tmp_path / "arrays"))


@pytest.fixture(scope="module")
def whole() -> tuple[CorruptionTable, list[str]]:
    """The table of the first dozen digits, and what is said while it is computed."""
    said: list[str] = []

    def observer(event: Event) -> None:
        if isinstance(event, Message):
            said.append(event.text)

    return corruption_table(subject(observer=observer), Regenerated(SEED), torch.arange(COUNT)), said


Whole = tuple[CorruptionTable, list[str]]


def test_every_cell_is_the_accuracy_on_those_images(whole: Whole) -> None:
    found, _ = whole
    images, labels = digits("test")
    assert found.source == "regenerated" and found.n == COUNT
    assert found.table.keys() == set(corruptions) and all(len(row) == 5 for row in found.table.values())
    model = trained().eval()
    for name in ("fog", "gaussian_noise", "pixelate"):
        pixels = evonas.corrupt(images[:COUNT], name, 4, seed=SEED).float() / 255
        with torch.no_grad():
            share = (model(pixels).argmax(1) == labels[:COUNT]).double().mean()
        assert found.table[name][3] == pytest.approx(float(share))


def test_means_are_over_groups_and_over_all(whole: Whole) -> None:
    found, _ = whole
    assert found.mean == pytest.approx(np.mean(list(found.table.values())))
    for group in GROUPS:
        rows = [row for name, row in found.table.items() if corruptions[name].group == group]
        assert found.groups[group] == pytest.approx(np.mean(rows))


def test_some_of_the_images_are_corrupted_as_in_the_whole_set() -> None:
    images, _ = digits("test")
    chosen = torch.tensor([3, 4, 11])
    whole = Regenerated(0).images("snow", 2, torch.arange(COUNT), images[:COUNT])
    assert torch.equal(Regenerated(0).images("snow", 2, chosen, images[chosen]), whole[chosen])


def test_published_arrays_are_taken_as_they_are(arrays: Path, whole: Whole) -> None:
    _, labels = digits("test")
    found = corruption_table(subject(), Published(arrays, labels[:COUNT]), torch.arange(COUNT))
    assert found.source == "published" and found.table == whole[0].table
    chosen = torch.tensor([2, 9])
    some = Published(arrays, labels[:COUNT]).images("fog", 5, chosen, digits("test")[0][chosen])
    assert torch.equal(some, Regenerated(SEED).images("fog", 5, chosen, digits("test")[0][chosen]))


@pytest.mark.parametrize("dataset", list(FOLDERS))
def test_published_arrays_are_found_beside_the_data(dataset: str, arrays: Path, tmp_path: Path) -> None:
    _, labels = digits("test")
    beside = tmp_path / "data"
    (beside / FOLDERS[dataset]).mkdir(parents=True)
    for file in arrays.glob("*.npy"):
        (beside / FOLDERS[dataset] / file.name).write_bytes(file.read_bytes())
    assert isinstance(corrupted(dataset, str(beside), labels[:COUNT], 0), Published)
    for other in ("digits", f"folder:{beside}", *(FOLDERS.keys() - {dataset})):
        assert isinstance(corrupted(other, str(beside), labels[:COUNT], 0), Regenerated)
    assert isinstance(corrupted(dataset, str(arrays), labels[:COUNT], 0), Regenerated)


def missing(folder: Path) -> None:
    (folder / "fog.npy").unlink()


def truncated(folder: Path) -> None:
    (folder / "fog.npy").write_bytes((folder / "fog.npy").read_bytes()[:5000])


def another_shape(folder: Path) -> None:
    np.save(folder / "fog.npy", np.zeros((60, 16, 16, 3), np.uint8))


def another_type(folder: Path) -> None:
    np.save(folder / "fog.npy", np.zeros((60, 32, 32, 3), np.float32))


def pickled(folder: Path) -> None:
    (folder / "fog.npy").write_bytes(pickle.dumps([1, 2]))


def other_labels(folder: Path) -> None:
    np.save(folder / "labels.npy", np.roll(np.load(folder / "labels.npy"), 1))


@pytest.mark.parametrize("damage", [missing, truncated, another_shape, another_type, pickled, other_labels])
def test_arrays_that_are_not_right_are_refused_by_name(damage: Callable[[Path], None], arrays: Path) -> None:
    damage(arrays)
    file = "labels" if damage is other_labels else "fog"
    with pytest.raises(EvonasError, match=rf"{file}\.npy.*to have the corruptions regenerated"):
        Published(arrays, digits("test")[1][:COUNT])


def test_an_interrupted_table_goes_on_with_the_cell_it_was_at(tmp_path: Path, whole: Whole) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        stop = StopRequest()
        first = Cells(SEED, 100, stop)
        with pytest.raises(Interrupted):
            corruption_table(subject(journal=journal, stop=stop), first, torch.arange(COUNT))
        second = Cells(SEED)
        found = corruption_table(subject(journal=journal), second, torch.arange(COUNT))
        assert found == whole[0] and first.asked == 100
        assert second.asked == CELLS * 3 - 100  # three chunks a cell, each is kept
        third = Cells(SEED + 1)
        corruption_table(subject(journal=journal), third, torch.arange(COUNT))
        assert third.asked == CELLS * 3  # another seed: nothing is stale


def test_what_it_says_fits_a_line_a_corruption(whole: Whole) -> None:
    _, said = whole
    assert len(said) == 15 and said[0].startswith("gaussian_noise at severity 1 to 5: ")
