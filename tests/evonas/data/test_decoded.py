"""Images that do not fit in memory are decoded once into files, and are the same images."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision import transforms

from evonas.core.events import Listener
from evonas.core.notices import heard_by
from evonas.data import decoded, folder, source
from evonas.data.decode import decode
from evonas.training.checkpoint import weights_digest
from evonas.training.images import split
from evonas.training.parallel import Group
from evonas.training.settings import TrainSettings
from evonas.training.training import Training
from spaces import EvonasError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache, for a machine without free memory."""
    monkeypatch.setenv("EVONAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(decoded, "SHARE", 0.0)
    return tmp_path / "cache"


def test_mapped_images_are_those_that_were_decoded(
    pictures: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = source(pictures, None, 24)
    assert not in_memory.mapped
    monkeypatch.setenv("EVONAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(decoded, "SHARE", 0.0)
    mapped, said = source(pictures, None, 24), []
    with heard_by(said.append):
        assert mapped.mapped and torch.equal(mapped.images("train"), in_memory.images("train"))
        some = torch.tensor([3, 1])
        assert torch.equal(mapped.images("train", some), in_memory.images("train", some))
        assert torch.equal(mapped.images("test"), in_memory.images("test"))
    assert len(said) == 2 and "training" not in said[0] and f"mapped from {tmp_path / 'cache'}" in said[0]
    assert {path.suffix for path in (tmp_path / "cache").iterdir()} == {".images", ".json"}


def test_a_whole_file_is_not_decoded_again_and_a_damaged_one_is(
    pictures: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = source(pictures, None, 24).images("train").clone()
    with monkeypatch.context() as patch:
        patch.setattr(folder, "decode", lambda path, side: pytest.fail(f"{path} is decoded again"))
        assert torch.equal(source(pictures, None, 24).images("train"), expected)
    (place,) = cache.glob("*.images")
    content = bytearray(place.read_bytes())
    content[100] ^= 1
    place.write_bytes(content)
    assert torch.equal(source(pictures, None, 24).images("train"), expected)
    place.with_suffix(".json").write_text("{}")
    assert torch.equal(source(pictures, None, 24).images("train"), expected)
    assert len(list(cache.glob("*.images"))) == 1
    assert len({source(pictures, None, side).images("train").shape for side in (24, 25)}) == 2


def test_what_is_written_into_mapped_images_does_not_reach_the_file(pictures: str, cache: Path) -> None:
    images = source(pictures, None, 24).images("train")
    before = images.clone()
    images.zero_()
    assert torch.equal(source(pictures, None, 24).images("train"), before)


def test_a_failure_leaves_no_part_and_old_parts_are_removed(
    pictures: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir()
    old, new = cache / "x.images.1.part", cache / "y.images.2.part"
    for part in (old, new):
        part.write_bytes(b"")
    os.utime(old, (0, 0))

    def broken(path: Path, side: int) -> torch.Tensor:
        raise EvonasError(f"{path} is broken")

    with monkeypatch.context() as patch:
        patch.setattr(folder, "decode", broken)
        with pytest.raises(EvonasError, match="images cannot be read"):
            source(pictures, None, 24).images("train")
    assert [*cache.iterdir()] == [new]


def test_a_directory_that_cannot_be_written_is_one_message(
    pictures: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.joinpath("file").write_text("")
    monkeypatch.setenv("EVONAS_CACHE", str(cache.parent / "file" / "cache"))
    with pytest.raises(EvonasError, match="cannot create"):
        source(pictures, None, 24).images("train")


def test_a_training_on_mapped_images_is_the_same_training(
    small: Callable[..., TrainSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, digests = small(), []
    for name, share in (("memory", 1.0), ("mapped", 0.0)):
        monkeypatch.setenv("EVONAS_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(decoded, "SHARE", share)
        learned, held_out = split(settings)
        assert (learned.rows is None) == (held_out.rows is None) == (name == "memory")
        (tmp_path / name).mkdir()
        digests.append(weights_digest(Training(tmp_path / name, settings, Listener(), Group()).run().checkpoint))
    assert digests[0] == digests[1]


@pytest.mark.parametrize("size", [(301, 200), (140, 333), (128, 128)], ids=str)
def test_photographs_are_resized_and_cropped_as_torchvision_does_it(size: tuple[int, int], tmp_path: Path) -> None:
    pixels = torch.randint(
        256, (3, size[1], size[0]), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    image = transforms.functional.to_pil_image(pixels)
    image.save(tmp_path / "photo.png")
    evaluation = transforms.Compose([transforms.PILToTensor(), transforms.Resize(128), transforms.CenterCrop(128)])
    assert torch.equal(decode(tmp_path / "photo.png", 128), evaluation(Image.open(tmp_path / "photo.png")))
