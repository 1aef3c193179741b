"""A checkpoint holds the network it says it holds, or is refused with one message."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from evonas.training import checkpoint
from evonas.training.settings import TrainSettings
from spaces import EvonasError, UsageError, spaces

SETTINGS = TrainSettings("DARTS_V2", channels=4, layers=3, device="cpu", seed=3)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    settings = SETTINGS.resolve()
    path = tmp_path / "last.safetensors"
    model = settings.build()
    checkpoint.write(
        path, settings, 7, {"accuracy": 0.5}, {f"model.{name}": t for name, t in model.state_dict().items()}
    )
    return path


def test_what_is_written_is_read(written: Path) -> None:
    found = checkpoint.load(written)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert found.settings == SETTINGS.resolve()
    assert (found.epoch, found.facts) == (7, {"accuracy": 0.5})
    assert found.genotype == str(spaces["darts"].parse("DARTS_V2"))
    assert torch.equal(found.model()(images), SETTINGS.resolve().build().eval()(images))
    assert not list(written.parent.glob("*.part"))


def test_weights_of_another_genotype_are_refused(written: Path) -> None:
    found = checkpoint.load(written)
    other = TrainSettings("ADVRUSH", channels=4, layers=3, device="cpu").resolve()
    checkpoint.write(written, other, 7, {}, found.tensors)
    with pytest.raises(EvonasError, match="does not hold the network of its genotype"):
        checkpoint.load(written).model()


@pytest.mark.parametrize("keep", [0, 5, 8, 100, -1])
def test_a_truncated_file_is_refused_and_left_alone(written: Path, keep: int) -> None:
    content = written.read_bytes()[:keep]
    written.write_bytes(content)
    with pytest.raises(EvonasError, match="damaged or not a safetensors file"):
        checkpoint.load(written)
    assert written.read_bytes() == content


def test_a_pickle_is_refused_unread(written: Path) -> None:
    written.write_bytes(pickle.dumps({"weights": 1}))
    with pytest.raises(EvonasError, match="a pickle, which evonas never loads"):
        checkpoint.load(written)


def test_a_header_that_promises_too_much_is_refused(written: Path) -> None:
    written.write_bytes((2**62).to_bytes(8, "little") + b"{" + b" " * 100)
    with pytest.raises(EvonasError, match="damaged"):
        checkpoint.load(written)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.safetensors is not a checkpoint"):
        checkpoint.load(tmp_path / "nothing.safetensors")


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = written.read_bytes()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(EvonasError, match=r"No space left on device .* the previous file is unchanged"):
        checkpoint.write(written, SETTINGS.resolve(), 8, {}, {})
    assert written.read_bytes() == before
    assert not list(written.parent.glob("*.part"))


@pytest.mark.parametrize("recipe", ["darts600", "croze200", "pgd7", "fast", "fast-adv"])
def test_the_settings_of_every_recipe_survive_the_way_to_a_file(recipe: str) -> None:
    settings = TrainSettings("DARTS_V2", recipe=recipe, channels=4, layers=3, device="cpu").resolve()
    assert TrainSettings.from_dict(settings.as_dict()) == settings
