"""Above 64 pixels corruptions are those of ImageNet-C, here against a plain statement of its definition."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import evonas
from evonas.evaluation.corrupted import Regenerated
from evonas.evaluation.corruptions import SEVERITIES, corruptions
from evonas.evaluation.corruptions.base import scale_of
from evonas.evaluation.corruptions.glass_blur import _in_order
from tests.evonas.evaluation.corruptions.conftest import smooth
from tests.evonas.evaluation.corruptions.definition import DEFINITION, copied_in_order

EXACT = ["contrast", "jpeg_compression", "pixelate"]
ROUNDING = ["brightness", "defocus_blur", "zoom_blur"]
DRAWN = sorted(DEFINITION.keys() - {*EXACT, *ROUNDING})
SEEDS = {"fog": 24, "snow": 8, "elastic_transform": 8, "motion_blur": 8}  # of the others 1
SOME = [3]


@pytest.fixture(scope="session")
def photographs() -> Tensor:
    """Three crops of scikit-learn's photographs at 224 pixels, uint8 (3, 3, 224, 224)."""
    package = find_spec("sklearn")
    assert package is not None and package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0]) / "datasets" / "images"
    places = (("china.jpg", 0, 0), ("china.jpg", 200, 300), ("flower.jpg", 150, 250))
    pictures = [np.asarray(Image.open(folder / name))[y : y + 224, x : x + 224] for name, y, x in places]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def defined(images: Tensor, name: str, severity: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    values = images.permute(0, 2, 3, 1).numpy() / 255
    found = np.stack([DEFINITION[name](each, severity - 1, rng) for each in values])
    return torch.from_numpy(found).permute(0, 3, 1, 2)


def rmse(corrupted: Tensor, clean: Tensor) -> float:
    """The mean over images of each one's, in grey levels."""
    return float((corrupted.double() - clean.double()).pow(2).mean((1, 2, 3)).sqrt().mean())


def cases(names: list[str]) -> list[object]:
    """Every name at every severity, all but a few of them slow."""
    pairs = [(name, severity) for name in names for severity in SEVERITIES]
    return [pytest.param(*pair, marks=[] if pair[1] in SOME else pytest.mark.slow) for pair in pairs]


@pytest.mark.parametrize(("name", "severity"), cases(EXACT + ROUNDING))
def test_what_draws_nothing_equals_the_definition(name: str, severity: int, photographs: Tensor) -> None:
    found = evonas.corrupt(photographs, name, severity)
    difference = (found.int() - defined(photographs, name, severity).int()).abs()
    if name in EXACT:
        assert difference.max() == 0
    else:
        assert difference.max() <= 1 and difference.double().mean() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_as_strong_as_the_definition(name: str, severity: int, photographs: Tensor) -> None:
    seeds = range(SEEDS.get(name, 1))
    ours = np.mean([rmse(evonas.corrupt(photographs, name, severity, seed), photographs) for seed in seeds])
    wanted = np.mean([rmse(defined(photographs, name, severity, seed), photographs) for seed in seeds])
    assert ours == pytest.approx(wanted, rel=0.10 if name in SEEDS else 0.02)


@pytest.mark.parametrize("name", ["gaussian_noise", "shot_noise", "impulse_noise"])
def test_noise_is_as_strong_as_the_definition(name: str, photographs: Tensor) -> None:
    found, wanted = evonas.corrupt(photographs, name, 5), defined(photographs, name, 5)
    assert rmse(found, photographs) == pytest.approx(rmse(wanted, photographs), rel=0.02)


@pytest.mark.parametrize("delta", [1, 2, 4])
def test_glass_copies_pixels_in_the_order_of_the_definition(delta: int) -> None:
    side, rng = 20, np.random.default_rng(delta)
    moves = rng.integers(-delta, delta, (side, side, 2))
    pixels = np.arange(side * side).reshape(side, side)
    own = torch.arange(side * side).view(side, side)[delta + 1 : side - delta + 1, delta + 1 : side - delta + 1]
    inner = torch.from_numpy(moves)[delta + 1 : side - delta + 1, delta + 1 : side - delta + 1]
    source = _in_order((own + inner[..., 0] * side + inner[..., 1])[None], own, side * side)[0]
    copied_in_order(pixels, delta, moves)
    assert np.array_equal(pixels.flatten()[own], source)


def test_constants_follow_the_size_of_the_images() -> None:
    assert [scale_of(side, side) for side in (32, 64)] == [(False, 1.0), (False, 2.0)]
    assert [scale_of(side, 300) for side in (112, 224)] == [(True, 0.5), (True, 1.0)]
    for side, wanted in ((64, 0.30), (65, 0.50)):
        black = torch.zeros(1, 3, side, side, dtype=torch.uint8)
        assert evonas.corrupt(black, "brightness", 5).unique().tolist() == [int(wanted * 255)]
    assert Regenerated(0).identity == ["regenerated", 1, 0]
    assert Regenerated(0, 65).identity == ["regenerated as in ImageNet-C", 1, 0]


@pytest.mark.parametrize("name", list(corruptions))
def test_photographs_of_any_size_stay_recognisable(name: str) -> None:
    images = smooth(2, 66, 80)
    out = evonas.corrupt(images, name, 3, positions=[0, 1])
    assert out.shape == images.shape and 0.5 < rmse(out, images) < 120
    assert torch.equal(evonas.corrupt(images[1:], name, 3, positions=[1]), out[1:])
