"""Data sets by name, and the batch that scores are computed from."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from evonas import EvonasError, UsageError
from evonas.data import batch, data_directory, describe, source, sources


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes of ten small images in several formats, modes and sizes."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "owl"):
        (tmp_path / name).mkdir()
        for i in range(10):
            shape = (20 + i, 40, 3) if i % 2 else (50, 33)
            image = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
            image.save(tmp_path / name / f"{i}.{'png' if i % 3 else 'jpg'}")
    return tmp_path


def test_digits_need_no_file_and_are_divided_once_and_for_all() -> None:
    digits = source("digits")
    train, test = digits.images("train"), digits.images("test")
    assert train.shape == (1438, 3, 32, 32) and test.shape == (359, 3, 32, 32)
    assert train.dtype == torch.uint8 and digits.labels("train").dtype == torch.int64
    assert train.max() > 250 and train.min() == 0
    assert sorted(set(digits.labels("test").tolist())) == list(range(10))
    assert torch.equal(train[:, 0], train[:, 2])


def test_the_batch_depends_on_seed_and_data_set_only() -> None:
    torch.manual_seed(1)
    first = batch("digits", 8, 0)
    torch.manual_seed(2)
    again = batch("digits", 8, 0)
    assert torch.equal(first.images, again.images) and torch.equal(first.labels, again.labels)
    assert not torch.equal(first.images, batch("digits", 8, 1).images)
    assert torch.equal(batch("digits", 12, 0).images[:8], first.images)


def test_a_batch_is_normalised_and_bounded_by_black_and_white() -> None:
    found = batch("digits", 1438, 0)
    assert found.images.mean().abs() < 1e-4 and abs(found.images.std() - 1) < 1e-3
    assert torch.allclose(found.images.amin((0, 2, 3)), found.low.flatten())
    assert (found.images <= found.high + 1e-6).all()


def test_a_batch_larger_than_the_training_set_is_refused() -> None:
    with pytest.raises(UsageError, match="1438"):
        batch("digits", 2000, 0)


def test_a_folder_is_read_resized_and_divided(folder: Path) -> None:
    found = source(f"folder:{folder}", image_size=24)
    assert found.classes == ("cat", "dog", "owl")
    assert found.images("train").shape == (24, 3, 24, 24) and found.images("test").shape == (6, 3, 24, 24)
    assert found.labels("test").tolist() == [0, 1, 2, 2, 2, 2]
    few = found.images("train", torch.tensor([5, 0]))
    assert torch.equal(few, found.images("train")[[5, 0]])
    assert describe(f"folder:{folder}").image_size == 32


def divided(folder: Path) -> dict[str, set[str]]:
    files = source(f"folder:{folder}")._files  # type: ignore[attr-defined]
    return {split: {f"{path.parent.name}/{path.name}" for path, _ in files[split]} for split in files}


def test_adding_images_moves_none_from_training_to_testing(folder: Path) -> None:
    """By position every second one would."""
    before = divided(folder)
    for name in ("cat", "dog", "owl"):
        for i in range(10):
            (folder / name / f"0{i}.png").write_bytes((folder / name / "1.png").read_bytes())
    after = divided(folder)
    assert before["train"] < after["train"] and not before["train"] & after["test"]
    assert len(after["test"]) == 10 and {name[:3] for name in after["test"]} == {"cat", "dog", "owl"}


def test_a_constant_channel_is_not_blown_up(folder: Path) -> None:
    for path in folder.glob("*/*"):
        with Image.open(path) as image:
            pixels = np.array(image.convert("RGB"))
        pixels[..., 2] = 40
        Image.fromarray(pixels).save(path.with_suffix(".png"))
        if path.suffix != ".png":
            path.unlink()
    mean, std = source(f"folder:{folder}").statistics()
    assert mean[2] == pytest.approx(40 / 255) and std[2] == 1 and 0.05 < std[0] < 0.5


def test_a_class_without_an_image_for_training_is_refused(folder: Path) -> None:
    for path in (folder / "owl").iterdir():
        if path.name not in ("1.png", "3.jpg", "4.png"):
            path.unlink()
    with pytest.raises(EvonasError, match=r"all 3 images of .*owl are for testing"):
        source(f"folder:{folder}").labels("train")


def test_a_folder_with_train_and_test_is_taken_as_divided(folder: Path, tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / "d" / split).mkdir(parents=True)
        for name in ("cat", "dog"):
            (tmp_path / "d" / split / name).symlink_to(folder / name)
    found = source(f"folder:{tmp_path / 'd'}")
    assert len(found.labels("train")) == len(found.labels("test")) == 20


def test_an_image_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "cat" / "1.png").write_bytes(b"not an image")
    with pytest.raises(EvonasError, match=r"1\.png cannot be read"):
        source(f"folder:{folder}").images("train")


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_deeper_images_are_refused(folder: Path, kind: type) -> None:
    Image.fromarray(np.full((4, 4), 100, dtype=kind)).save(folder / "cat" / "deep.tif")
    with pytest.raises(EvonasError, match=r"deep\.tif cannot be read as an image: 'it has 32 bits"):
        source(f"folder:{folder}").images("train"), source(f"folder:{folder}").images("test")


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: (p / "only").mkdir(parents=True)])
def test_a_folder_without_two_classes_is_refused(tmp_path: Path, make: object) -> None:
    make(tmp_path / "f")  # type: ignore[operator]
    with pytest.raises(EvonasError):
        describe(f"folder:{tmp_path / 'f'}")


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    with pytest.raises(EvonasError, match="no image"):
        batch(f"folder:{tmp_path}", 2, 0)


@pytest.mark.parametrize("name", ["cifar", "folder:", "folder", "digits:x", "cifar10:x", "cifar100:x"])
def test_a_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        describe(name)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_an_image_size_is_for_what_can_be_resized(name: str, folder: Path) -> None:
    with pytest.raises(UsageError, match="image-size"):
        describe(name, image_size=64)
    assert describe(name, image_size=32).image_size == 32
    assert describe(f"folder:{folder}", image_size=128).image_size == 128


def test_digits_of_their_own_size_are_the_pixels_that_were_scanned() -> None:
    assert describe("digits", image_size=16).image_size == 16 and describe("digits").image_size == 32
    small = source("digits", image_size=8).images("test")
    assert small.shape == (359, 3, 8, 8) and set(small.unique().tolist()) <= {
        round(i * 255 / 16) for i in range(17)
    }
    assert source("digits", image_size=16).images("test").shape == (359, 3, 16, 16)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_a_missing_data_set_without_network_names_directory_file_and_digits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib.error
    import urllib.request

    def offline(*arguments: object, **options: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    monkeypatch.setenv("EVONAS_DATA", str(tmp_path))
    with pytest.raises(EvonasError) as caught:
        batch(name, 8, 0)
    text = str(caught.value)
    assert str(tmp_path) in text and "python.tar.gz" in text and "--dataset digits" in text and "\n" not in text


@pytest.mark.parametrize(
    ("name", "file"), [("cifar10", "cifar-10-batches-py/data_batch_1"), ("cifar100", "cifar-100-python/train")]
)
def test_a_damaged_cifar_is_reported_and_not_replaced(name: str, file: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_bytes(b"damaged")
    with pytest.raises(EvonasError, match="damaged"):
        batch(name, 8, 0, str(tmp_path))
    assert (tmp_path / file).read_bytes() == b"damaged"


def test_the_data_directory_is_the_option_then_the_variable_then_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVONAS_DATA", raising=False)
    assert data_directory() == Path("data")
    monkeypatch.setenv("EVONAS_DATA", "elsewhere")
    assert data_directory() == Path("elsewhere") and data_directory("here") == Path("here")


def test_real_cifar10_is_read_whole(shared: Path) -> None:
    found = source("cifar10", str(shared / "data"))
    train = found.images("train")
    assert train.shape == (50_000, 3, 32, 32) and len(found.labels("test")) == 10_000
    assert torch.bincount(found.labels("train")).tolist() == [5000] * 10
    mean = train.float().mean((0, 2, 3)) / 255
    assert torch.allclose(mean, torch.tensor(found.statistics()[0]), atol=1e-6)


FILES = {  # of each split: training first
    "cifar10": ("cifar-10-batches-py", [f"data_batch_{i}" for i in range(1, 6)], "test_batch", "batches.meta"),
    "cifar100": ("cifar-100-python", ["train"], "test", "meta"),
}


@pytest.mark.parametrize("name", list(FILES))
def test_files_in_the_format_of_cifar_are_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision import datasets

    kind = getattr(datasets, name.upper())
    monkeypatch.setattr(kind, "_check_integrity", lambda self: True)
    monkeypatch.setattr(datasets.cifar, "check_integrity", lambda *arguments: True)
    folder, training, test, meta = FILES[name]
    (tmp_path / folder).mkdir()
    classes, key = len(describe(name).classes), "labels" if name == "cifar10" else "fine_labels"
    pixels, labels = (
        np.random.default_rng(0).integers(0, 256, (6, 3072), dtype=np.uint8),
        [0, 1, 2, classes - 1, 4, 5],
    )
    for i, file in enumerate([*training, test]):
        content = {"data": pixels[i:], key: labels[i:], "coarse_labels": [0] * (6 - i)}
        (tmp_path / folder / file).write_bytes(pickle.dumps(content))
    names = {kind.meta["key"]: [f"{i}" for i in range(classes)]}
    (tmp_path / folder / meta).write_bytes(pickle.dumps(names))
    found = source(name, str(tmp_path))
    expected = np.concatenate([pixels[i:] for i in range(len(training))]).reshape(-1, 3, 32, 32)
    assert np.array_equal(found.images("train").numpy(), expected)
    assert found.labels("test").tolist() == labels[len(training) :]
    taken = batch(name, 2, 0, str(tmp_path))
    assert taken.images.shape == (2, 3, 32, 32) and set(taken.labels.tolist()) <= set(labels)


def test_every_data_set_has_a_line_about_it() -> None:
    assert all((sources[name].__doc__ or "").strip() for name in sources)


def test_describing_a_data_set_reads_no_image(folder: Path) -> None:
    names = ["cifar10", "cifar100", f"folder:{folder}"]
    code = f"import sys; from evonas.data import describe; [*map(describe, {names})]"
    code += "; print('torchvision' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ})
    assert output.stdout.strip() == "False", output.stderr
