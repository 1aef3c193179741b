"""JPEG at low quality.

Only the steps of JPEG that lose something are done: its entropy coding is undone by the decoder. Every step is in
whole numbers, as in libjpeg's accurate ("islow") transforms, and floating point holds all of them exactly. So many
images go through at once, on any device, and come out bit for bit as Pillow's do with libjpeg-turbo.

Sources: ISO/IEC 10918-1 (tables of annex K); Loeffler, Ligtenberg, Moschytz 1989 (the transforms' factors).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from evonas.evaluation.corruptions.base import SAME, Scale, register
from evonas.evaluation.corruptions.draws import Draws

BLOCK = 8
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * BLOCK,) * 4,
)
# Left half of sqrt(8) times the cosine transform, units of 2^-13, as libjpeg's factors add up; a row a frequency
COSINES = (
    (8192, 8192, 8192, 8192),
    (11363, 9633, 6437, 2260),
    (10703, 4433, -4433, -10703),
    (9633, -2259, -11362, -6436),
    (8192, -8192, -8192, 8192),
    (6437, -11362, 2261, 9633),
    (4433, -10704, 10704, -4433),
    (2260, -6436, 9633, -11363),
)
TO_YCC = ((19595, 38470, 7471), (-11059, -21709, 32768), (32768, -27439, -5329))  # units of 2^-16
HALF = 1 << 15
ADDED = (HALF, (128 << 16) + HALF - 1, (128 << 16) + HALF - 1)
TO_RGB = ((0, 91881), (-22554, -46802), (116130, 0))  # what blue and red chroma add, units of 2^-16


@register("jpeg_compression", "digital", (80, 65, 58, 50, 40), (25, 18, 15, 10, 7))
def jpeg_compression(images: Tensor, quality: int, draws: Draws, scale: Scale = SAME) -> Tensor:
    """JPEG of quality c and back, chroma at half the resolution.

    Images (N, 3, H, W).
    """
    height, width = images.shape[2:]
    red, green, blue = images.float().unbind(1)  # (N, H, W)
    y, u, v = (_mixed(row, added, red, green, blue) for row, added in zip(TO_YCC, ADDED, strict=True))
    y = _lossy(y, LUMINANCE, quality)[:, :, :width]
    halved = _lossy(_halved(torch.cat([u, v])), CHROMINANCE, quality)[:, :, : (width + 1) // 2]
    u, v = (_doubled(halved)[:, :height, :width] - 128).chunk(2)
    return torch.stack([_mixed(row, HALF, u, v).add_(y).clamp_(0, 255) for row in TO_RGB], 1).byte()


def _mixed(factors: Sequence[int], added: int, *channels: Tensor) -> Tensor:
    """Sum of factors times channels over 2^16, rounded down. All sums stay below 2^24: float32 holds them."""
    total = torch.full_like(channels[0], added)
    for factor, channel in zip(factors, channels, strict=True):
        total.add_(channel, alpha=factor)
    return total.mul_(2.0**-16).floor_()


def _lossy(plane: Tensor, table: Sequence[Sequence[int]], quality: int) -> Tensor:
    """A channel (B, H, W), widened to whole blocks of 8 x 8, after its cosines became multiples of the table's."""
    height, width = plane.shape[1:]
    plane = _widened(plane, -height % BLOCK, -width % BLOCK)
    blocks = (-1, BLOCK, plane.shape[2] // BLOCK, BLOCK)
    left = torch.tensor(COSINES, dtype=torch.float64, device=plane.device)
    cosines = torch.cat([left, left.flip(1)], 1)
    cosines[1::2, BLOCK // 2 :].neg_()
    x = plane.double().sub_(128).view(-1, BLOCK)
    x = _descaled(x @ cosines.T, 11).view(-1, BLOCK, plane.shape[2])
    x = _descaled(cosines @ x, 15).view(blocks).float()  # 8 times the cosines
    steps = _steps(table, quality, x)[:, None]  # (8, 1, 8)
    sizes = x.abs().add_(4 * steps).div_(8 * steps).floor_()
    x = sizes.copysign_(x).mul_(steps).double().view(-1, BLOCK, plane.shape[2])
    x = _descaled(cosines.T @ x, 11).view(-1, BLOCK)
    x = _descaled(x @ cosines, 18).float()
    return x.add_(128).clamp_(0, 255).view_as(plane)[:, :height]


def _descaled(x: Tensor, bits: int) -> Tensor:
    """Whole numbers over 2^bits, to the nearest, halves up; in place."""
    return x.add_(1 << (bits - 1)).mul_(2.0**-bits).floor_()


def _steps(table: Sequence[Sequence[int]], quality: int, like: Tensor) -> Tensor:
    """The table of quality 50, scaled as libjpeg does."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return like.new_tensor(table).mul_(percent).add_(50).div_(100).floor_().clamp_(1, 255)


def _widened(x: Tensor, below: int, right: int) -> Tensor:
    """The last row and column repeated."""
    return pad(x, (0, right, 0, below), mode="replicate") if below or right else x


def _halved(x: Tensor) -> Tensor:
    """Means of 2 x 2; where they end in a half, .25 or .75, rounded down and up in turns from column to column."""
    x = _widened(x, x.shape[1] % 2, -x.shape[2] % (2 * BLOCK))
    total = x[:, ::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, ::2] + x[:, 1::2, 1::2]
    total[:, :, ::2] += 1
    total[:, :, 1::2] += 2
    return total.mul_(0.25).floor_()


def _doubled(x: Tensor) -> Tensor:
    """Twice as high and wide by linear interpolation between the centres of pixels."""
    rows = torch.stack([3 * x + _shifted(x, 1, 1), 3 * x + _shifted(x, 1, -1)], 2).flatten(1, 2)
    left, right = 3 * rows + _shifted(rows, 2, 1) + 8, 3 * rows + _shifted(rows, 2, -1) + 7
    return torch.stack([left, right], 3).flatten(2).mul_(1 / 16).floor_()


def _shifted(x: Tensor, dimension: int, by: int) -> Tensor:
    """Each place holds its neighbour before (1) or after (-1), the border itself."""
    length = x.shape[dimension]
    if by > 0:
        return torch.cat([x.narrow(dimension, 0, 1), x.narrow(dimension, 0, length - 1)], dimension)
    return torch.cat([x.narrow(dimension, 1, length - 1), x.narrow(dimension, length - 1, 1)], dimension)
