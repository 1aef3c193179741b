"""What holds for every corruption, and each one's own arithmetic where no reference is needed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, features
from scipy.stats import poisson

import evonas
from evonas.evaluation.corruptions import GROUPS, SEVERITIES, corruptions
from evonas.evaluation.corruptions.base import register
from evonas.evaluation.corruptions.draws import Draws
from evonas.evaluation.corruptions.jpeg_compression import jpeg_compression
from evonas.evaluation.corruptions.noise import Poisson
from tests.evonas.evaluation.corruptions.conftest import smooth

NAMES = list(corruptions)
WITHOUT_DRAWS = {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression"}


def draws(n: int = 4, seed: int = 0, first: int = 0) -> Draws:
    return Draws(seed, "test", 1, torch.arange(first, first + n))


@pytest.mark.parametrize("name", NAMES)
def test_a_data_set_in_pieces_is_corrupted_as_in_one(name: str) -> None:
    images = smooth(300)
    whole = evonas.corrupt(images, name, 3, seed=5)
    cuts = [0, 1, 3, 100, 300]
    pieces = [evonas.corrupt(images[a:b], name, 3, 5, range(a, b)) for a, b in itertools.pairwise(cuts)]
    assert torch.equal(whole, torch.cat(pieces))


@pytest.mark.parametrize("name", NAMES)
def test_a_result_repeats_and_leaves_images_and_global_generators_alone(name: str) -> None:
    images = smooth(3)
    before = images.clone()
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    first = evonas.corrupt(images, name, 2, seed=1)
    torch.manual_seed(99)
    again = evonas.corrupt(images, name, 2, seed=1)
    torch.set_rng_state(states[0])
    assert torch.equal(first, again) and torch.equal(images, before) and not torch.equal(first, images)
    assert np.random.get_state()[1].tolist() == states[1] and random.getstate() == states[2]
    assert first.dtype == torch.uint8 and first.shape == images.shape and first.is_contiguous()


@pytest.mark.parametrize("name", NAMES)
def test_only_what_draws_depends_on_seed_and_place(name: str) -> None:
    image = smooth(1).expand(2, -1, -1, -1)
    pair = evonas.corrupt(image, name, 3, seed=0)
    other = evonas.corrupt(image, name, 3, seed=1)
    assert torch.equal(pair[0], pair[1]) == (name in WITHOUT_DRAWS)
    assert torch.equal(pair, other) == (name in WITHOUT_DRAWS)


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (33, 47), (96, 64)])
@pytest.mark.parametrize("name", NAMES)
def test_images_of_any_size_stay_recognisable(name: str, size: tuple[int, int]) -> None:
    images = smooth(2, *size)
    for severity in (1, 5):
        out = evonas.corrupt(images, name, severity)
        assert out.shape == images.shape
        error = (out.double() - images).pow(2).mean().sqrt()
        assert (0 if min(size) == 8 or "blur" in name else 0.5) <= error < 110


LENGTHS = ["defocus_blur", "motion_blur", "elastic_transform", "zoom_blur"]


@pytest.mark.parametrize(
    ("name", "small", "count"),
    [(name, 32, 64) for name in LENGTHS]
    + [pytest.param(name, 112, 16, marks=pytest.mark.slow) for name in (*LENGTHS, "glass_blur")],
)
def test_an_image_of_twice_the_size_suffers_as_much(name: str, small: int, count: int) -> None:
    """Lengths scale with the image; the grain of glass blur at sigma under a pixel does not."""

    def error(side: int) -> float:
        images = torch.nn.functional.interpolate(smooth(count).float(), (side, side), mode="bicubic").clamp(0, 255)
        return float((evonas.corrupt(images.byte(), name, 5).double() - images).pow(2).mean().sqrt())

    assert error(2 * small) == pytest.approx(error(small), rel=0.3)


@pytest.mark.parametrize("name", NAMES)
def test_a_numpy_array_comes_back_as_one(name: str) -> None:
    images = smooth(2)
    out = evonas.corrupt(images.numpy(), name, 4)
    assert isinstance(out, np.ndarray) and np.array_equal(out, evonas.corrupt(images, name, 4).numpy())


@pytest.mark.parametrize("name", NAMES)
def test_no_image_is_no_error_and_memory_layout_does_not_matter(name: str) -> None:
    assert evonas.corrupt(smooth(0), name, 1).shape == (0, 3, 32, 32)
    images = smooth(3)
    strided = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert torch.equal(evonas.corrupt(strided, name, 5), evonas.corrupt(images, name, 5))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU to compare with")
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_gives_the_images_of_the_cpu(name: str) -> None:
    images = smooth(64)
    for severity in SEVERITIES:
        out = evonas.corrupt(images.cuda(), name, severity)
        difference = (out.cpu().int() - evonas.corrupt(images, name, severity).int()).abs()
        assert out.is_cuda and difference.max() <= 1 and difference.double().mean() < 0.01


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"glass_blur", "frost", "elastic_transform"}))
def test_a_higher_severity_is_further_from_the_image(name: str) -> None:
    """Not so in the published definition for the three left out: their constants trade strengths."""
    images = smooth(64)
    errors = [
        float((evonas.corrupt(images, name, severity).double() - images).pow(2).mean()) for severity in SEVERITIES
    ]
    assert errors[0] < errors[-1] and all(a < b * 1.05 for a, b in itertools.pairwise(errors))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1]], "fog", 1), "torch tensor or NumPy array, uint8 (N, 3, H, W), not list"),
        ((torch.rand(1, 3, 32, 32), "fog", 1), "not float32; for values in [0, 1]"),
        ((smooth(1)[0], "fog", 1), "not (3, 32, 32)"),
        ((smooth(1).permute(0, 2, 3, 1), "fog", 1), "not (1, 32, 32, 3)"),
        ((smooth(1, 32, 7), "fog", 1), "at least 8 x 8 pixels, not (32, 7)"),
        ((smooth(1), "fogg", 1), "unknown corruption 'fogg': did you mean fog"),
        ((smooth(1), 3, 1), "such as 'fog', must be text, not 3"),
        ((smooth(1), "fog", 0), "from 1 to 5, not 0"),
        ((smooth(1), "fog", 6), "from 1 to 5, not 6"),
        ((smooth(1), "fog", 2.0), "from 1 to 5, not 2.0"),
        ((smooth(1), "fog", True), "from 1 to 5, not True"),
        ((smooth(1), "fog", 1, "a"), "seed must be an integer from"),
        ((smooth(1), "fog", 1, 0, -1), "a position must be an integer from 0"),
        ((smooth(1), "fog", 1, 0, [-1]), "a position must be an integer from 0"),
        ((smooth(1), "fog", 1, 0, [0, 1]), "one per image"),
    ],
)
def test_a_wrong_argument_is_told_what_would_be_right(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(evonas.UsageError) as caught:
        evonas.corrupt(*arguments)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_corruption_registers_once_with_a_group_and_five_constants() -> None:
    assert {corruptions[name].group for name in NAMES} == set(GROUPS)
    with pytest.raises(ValueError, match="twice"):
        register("fog", "weather", (1, 2, 3, 4, 5), (1, 2, 3, 4, 5))(corruptions["fog"].apply)
    for sets in [((1, 2), (1, 2, 3, 4, 5)), ((1, 2, 3, 4, 5), (1, 2))]:
        with pytest.raises(ValueError, match="5 constants"):
            register("drizzle", "weather", *sets)
    with pytest.raises(ValueError, match="group"):
        register("drizzle", "water", (1, 2, 3, 4, 5), (1, 2, 3, 4, 5))


def test_draws_are_splitmix64() -> None:
    """Its first three outputs from state 0 (Vigna's splitmix64.c), and the key of an image is such an output."""
    stream = draws(1)
    stream._keys.zero_()
    assert [bits % 2**64 for bits in stream._bits(3)[0].tolist()] == [
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
        0x06C45D188009454F,
    ]


def test_draws_are_uniform_normal_and_independent_between_images() -> None:
    n = 200
    uniform = draws(n).uniform(1001)
    assert uniform.shape == (n, 1001) and 0 < uniform.min() < 1e-4 and 1 - 1e-4 < uniform.max() < 1
    assert abs(float(uniform.mean()) - 0.5) < 0.003 and abs(float(uniform.var()) - 1 / 12) < 0.001
    normal = draws(n).normal(1001).double()
    assert abs(float(normal.mean())) < 0.01 and abs(float(normal.var()) - 1) < 0.02
    assert abs(float((normal**4).mean()) - 3) < 0.1
    correlation = np.corrcoef(normal.numpy()) - np.eye(n)
    assert np.abs(correlation).max() < 0.17 and abs(correlation.mean()) < 0.001  # 1 / sqrt(1001) is 0.03
    assert set(draws(n).below(3, 50).flatten().tolist()) == {0, 1, 2}
    stream = draws()
    assert not torch.equal(stream.uniform(6), stream.uniform(6))
    assert torch.equal(draws(2, first=2).uniform(5), draws(4).uniform(5)[2:])


def test_shot_noise_has_the_mean_and_the_variance_of_photons() -> None:
    level = torch.full((40, 3, 32, 32), 100, dtype=torch.uint8)
    counts = (evonas.corrupt(level, "shot_noise", 5).double() + 0.5) / 255 * 50  # truncated: half a level less
    expected = 100 / 255 * 50
    assert float(counts.mean()) == pytest.approx(expected, rel=0.005)
    assert float(counts.var()) == pytest.approx(expected, rel=0.02)
    black = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    assert evonas.corrupt(black, "shot_noise", 5).max() == 0


def test_counts_of_photons_are_the_inverse_distribution_function() -> None:
    levels = torch.arange(256, dtype=torch.uint8)[:, None].expand(256, 200)
    middle = torch.rand(256, 190, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    tails = torch.tensor([1e-9, 1e-6, 1e-4, 1e-3, 0.01]).double()
    drawn = torch.cat([middle, tails.expand(256, -1), 1 - tails.expand(256, -1)], 1)
    for photons in (50, 500):
        wanted = poisson.ppf(drawn.numpy(), photons * (levels.numpy() / 255))
        assert np.array_equal(Poisson(photons, torch.device("cpu")).counts(levels, drawn.clone()).numpy(), wanted)


def test_impulse_noise_replaces_its_share_half_by_white_half_by_black() -> None:
    level = torch.full((40, 3, 32, 32), 100, dtype=torch.uint8)
    out = evonas.corrupt(level, "impulse_noise", 5)
    assert set(out.unique().tolist()) == {0, 100, 255}
    for value in (0, 255):
        assert float((out == value).double().mean()) == pytest.approx(0.035, rel=0.05)


@pytest.mark.parametrize("size", [(32, 32), (30, 45)])
def test_pixelate_is_pillow_bit_for_bit(size: tuple[int, int]) -> None:
    images = smooth(4, *size)
    for severity, share in enumerate(corruptions["pixelate"].constants, 1):
        for image, out in zip(images, evonas.corrupt(images, "pixelate", severity), strict=True):
            picture = Image.fromarray(image.permute(1, 2, 0).numpy())
            small = picture.resize((int(size[1] * share), int(size[0] * share)), Image.Resampling.BOX)
            back = np.asarray(small.resize((size[1], size[0]), Image.Resampling.BOX))
            assert np.array_equal(out.permute(1, 2, 0).numpy(), back)


@pytest.mark.skipif(not features.check_feature("libjpeg_turbo"), reason="another libjpeg rounds otherwise")
@pytest.mark.parametrize("size", [(32, 32), (8, 8), (28, 28), (31, 33), (17, 45), (40, 15)])
@pytest.mark.parametrize("rough", [False, True])
def test_jpeg_compression_is_pillow_bit_for_bit(size: tuple[int, int], rough: bool) -> None:
    images = smooth(8, *size)
    if rough:
        images = torch.randint(0, 256, images.shape, generator=torch.Generator().manual_seed(1)).byte()
    for quality in (*corruptions["jpeg_compression"].constants, 10, 95):
        for image, out in zip(images, jpeg_compression(images, quality, draws(8)), strict=True):
            file = BytesIO()
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality)
            assert np.array_equal(out.permute(1, 2, 0).numpy(), np.asarray(Image.open(file)))


def test_brightness_is_the_value_of_hsv_moved() -> None:
    import colorsys

    images = smooth(1, 8, 8)
    images[0, :, 0, 0] = 0
    out = evonas.corrupt(images, "brightness", 3)[0]
    for row, column in np.ndindex(8, 8):
        hue, saturation, value = colorsys.rgb_to_hsv(*(images[0, :, row, column] / 255).double().tolist())
        wanted = colorsys.hsv_to_rgb(hue, saturation, min(value + 0.15, 1))
        assert np.abs(out[:, row, column].numpy() + 0.5 - np.array(wanted) * 255).max() <= 0.5 + 1e-6


def test_glass_blur_moves_pixels_up_and_left_only() -> None:
    """At sigma .05 there is no blur: inner pixels are copies from above or left, the outer ones stay."""
    ramp = (torch.arange(1024) % 256).view(1, 1, 32, 32).byte().expand(1, 3, -1, -1).contiguous()
    ramp[0, 1] = torch.arange(32)[:, None].byte()  # the row
    ramp[0, 2] = torch.arange(32)[None].byte()  # the column
    out = evonas.corrupt(ramp, "glass_blur", 1)[0].int()
    moved = ramp[0].int() - out
    assert torch.equal(out[:, :2], ramp[0, :, :2].int()) and torch.equal(out[:, :, :2], ramp[0, :, :, :2].int())
    inner = moved[1:, 2:, 2:]
    assert set(inner.unique().tolist()) == {0, 1}
    assert abs(float(inner.double().mean()) - 0.5) < 0.06


def test_another_process_gives_the_same_images(run_python: Callable[[str], str]) -> None:
    code = """
import hashlib, torch, evonas
torch.set_num_threads(1)
images = (torch.arange(2 * 3 * 32 * 32) * 7 % 256).byte().view(2, 3, 32, 32)
digest = hashlib.sha256()
for name in ("impulse_noise", "glass_blur", "fog", "shot_noise"):
    digest.update(evonas.corrupt(images, name, 4, 3).numpy().tobytes())
print(digest.hexdigest())
"""
    import hashlib

    images = (torch.arange(2 * 3 * 32 * 32) * 7 % 256).byte().view(2, 3, 32, 32)
    digest = hashlib.sha256()
    for name in ("impulse_noise", "glass_blur", "fog", "shot_noise"):
        digest.update(evonas.corrupt(images, name, 4, 3).numpy().tobytes())
    assert run_python(code) == digest.hexdigest()
