"""The corruptions against outputs of the published definition for the first 32 test images of CIFAR-10."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares
from torch import Tensor

import evonas
from evonas.evaluation.corruptions import SEVERITIES, corruptions
from evonas.evaluation.corruptions.elastic_transform import _affine, _sample
from evonas.evaluation.corruptions.motion_blur import streak
from evonas.evaluation.corruptions.snow import CONSTANTS as SNOW

EXACT = ["contrast", "jpeg_compression", "pixelate"]
ROUNDING = ["brightness", "defocus_blur", "zoom_blur"]  # here and there a value on the border of two grey levels
DRAWN = sorted(set(corruptions) - {*EXACT, *ROUNDING})
SEEDS = 12


def rmse(corrupted: Tensor, clean: Tensor) -> Tensor:
    """Of each image, in grey levels."""
    return (corrupted.double() - clean.double()).pow(2).mean((1, 2, 3)).sqrt()


def test_there_are_the_fifteen_of_the_reference(reference: dict[str, Tensor]) -> None:
    assert set(corruptions) == set(reference) and len(corruptions) == 15


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", EXACT + ROUNDING)
def test_what_draws_nothing_equals_the_reference(
    name: str, severity: int, real: Tensor, reference: dict[str, Tensor]
) -> None:
    difference = (evonas.corrupt(real, name, severity).int() - reference[name][severity - 1].int()).abs()
    if name in EXACT:
        assert difference.max() == 0
    else:
        assert difference.max() <= 1 and difference.double().mean() < 0.01


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_as_strong_as_the_reference(
    name: str, severity: int, real: Tensor, reference_rmse: dict[str, list[float]]
) -> None:
    ours = [rmse(evonas.corrupt(real, name, severity, seed), real).mean() for seed in range(SEEDS)]
    wanted = reference_rmse[name][severity - 1]
    assert float(torch.stack(ours).mean()) == pytest.approx(wanted, rel=0.10 if name == "frost" else 0.05)


@pytest.mark.parametrize("image", range(3))
def test_motion_blur_at_some_angle_is_the_reference_itself(
    image: int, real: Tensor, reference: dict[str, Tensor]
) -> None:
    angles = torch.arange(-45, 45, 0.05, dtype=torch.float64)
    for severity, radius, sigma in ((1, 6, 1), (5, 9, 2.5)):
        blurred = streak(real[image : image + 1].expand(len(angles), -1, -1, -1), radius, sigma, angles)
        equal = (blurred == reference["motion_blur"][severity - 1, image]).all(1).all(1).all(1)
        assert equal.any()


def test_elastic_transform_at_some_moves_is_the_reference_itself(
    real: Tensor, reference: dict[str, Tensor]
) -> None:
    """Severity 1 is the affine map alone: what is left after fitting its six numbers is the truncation."""
    x = real[:1].float() / 255
    wanted = reference["elastic_transform"][0, :1] + 0.5
    rows = torch.arange(32, dtype=torch.float64)[:, None].expand(32, 32)

    def residual(moves: np.ndarray, width: int = 1) -> np.ndarray:
        ours = _sample(x, *_affine(rows, rows.T, torch.from_numpy(moves).view(1, 3, 2)), repeat_edge=False) * 255
        return torch.nn.functional.avg_pool2d(ours - wanted, width, 1).double().flatten().numpy()

    def shifted(moves: np.ndarray, width: int) -> np.ndarray:
        return residual(moves - 10, width)  # the solver's steps are in proportion to what it solves for

    moves = np.zeros(6)
    for width, step in ((7, 0.02), (3, 0.01), (1, 0.004)):  # coarse to fine
        found = least_squares(shifted, moves + 10, kwargs={"width": width}, max_nfev=15, diff_step=step / 10)
        moves = found.x - 10
    assert np.abs(moves).max() < 2.56
    assert np.abs(residual(moves)).max() < 1 and np.sqrt((residual(moves) ** 2).mean()) < 0.32


@pytest.mark.parametrize("severity", SEVERITIES)
def test_snow_without_its_flakes_is_the_whitened_image(
    severity: int, real: Tensor, reference: dict[str, Tensor]
) -> None:
    """The rest is a layer and the same layer turned by 180 degrees, as often empty as the reference's."""
    kept = SNOW[severity - 1][-1]
    x = real.float() / 255
    gray = (x * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    white = (kept * x + (1 - kept) * x.maximum(gray * 1.5 + 0.5)) * 255
    empty = []
    for snowed in (reference["snow"][severity - 1], evonas.corrupt(real, "snow", severity)):
        layer = snowed + 0.5 - white
        seen = (snowed < 255).all(1) & (white < 254).all(1)
        both = seen & seen.flip(1, 2)
        assert layer.mean(1)[seen].min() > -0.51
        assert (layer.mean(1) - layer.mean(1).flip(1, 2))[both].abs().max() < 1.1
        empty.append(float((layer.mean(1)[seen] < 1.5).double().mean()))
    assert abs(empty[0] - empty[1]) < 0.08


def test_frost_has_the_tones_of_the_reference(real: Tensor, reference: dict[str, Tensor]) -> None:
    """Mean colour of the panes at severity 5, where hardly a value is clipped; 32 draws of five kinds each."""

    def pane(frosted: Tensor) -> Tensor:
        return ((frosted + 0.5 - 0.75 * real) / 0.45).mean((2, 3))  # (32, 3)

    ours = torch.cat([pane(evonas.corrupt(real, "frost", 5, seed)) for seed in range(SEEDS)])
    theirs = pane(reference["frost"][4])
    error = theirs.std(0) / len(theirs) ** 0.5
    assert ((ours.mean(0) - theirs.mean(0)).abs() < 2 * error).all()
    assert torch.allclose(ours.std(0), theirs.std(0), rtol=0.3)
