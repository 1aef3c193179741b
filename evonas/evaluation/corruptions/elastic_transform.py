"""A rubber sheet: a random affine map, then a smooth random displacement of every pixel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from evonas.evaluation.corruptions import linear
from evonas.evaluation.corruptions.base import SAME, Scale, register, to_uint8
from evonas.evaluation.corruptions.draws import Draws

CONSTANTS = (  # alpha, sigma, affine: pixels of 32
    (0, 0, 2.56),
    (1.6, 6.4, 2.24),
    (2.56, 1.92, 1.92),
    (3.2, 1.28, 1.6),
    (3.2, 0.96, 0.96),
)


PHOTOGRAPHS = (  # pixels of 224; the definition writes 244, which its authors noticed and left
    (244 * 2, 244 * 0.7, 244 * 0.1),
    (244 * 2, 244 * 0.08, 244 * 0.2),
    (244 * 0.05, 244 * 0.01, 244 * 0.02),
    (244 * 0.07, 244 * 0.01, 244 * 0.02),
    (244 * 0.12, 244 * 0.01, 244 * 0.02),
)


@register("elastic_transform", "digital", CONSTANTS, PHOTOGRAPHS)
def elastic_transform(
    images: Tensor, constant: tuple[float, float, float], draws: Draws, scale: Scale = SAME
) -> Tensor:
    """Three points around the centre move by U(-affine, affine), then displacements alpha G_sigma * U(-1, 1).

    Images (N, 3, H, W). Both steps interpolate bilinearly and reflect borders: the first without repeating the
    edge, the second with.
    """
    alpha, sigma, affine = (value * scale.factor for value in constant)
    height, width = images.shape[2:]
    x = images.float() / 255
    rows = torch.arange(height, dtype=torch.float64, device=x.device)[:, None].expand(height, width)
    columns = torch.arange(width, dtype=torch.float64, device=x.device)[None].expand(height, width)
    x = _sample(x, *_affine(rows, columns, draws.uniform(3, 2, low=-affine, high=affine)), repeat_edge=False)
    if alpha > 0:
        blur_rows, blur_columns = (linear.gaussian(side, sigma, 3.0) for side in (height, width))
        moved = linear.both_axes(blur_rows, blur_columns, draws.uniform(2, height, width, low=-1, high=1)) * alpha
        x = _sample(x, rows + moved[:, 0], columns + moved[:, 1], repeat_edge=True)
    return to_uint8(x)


def _affine(rows: Tensor, columns: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    """Where each pixel comes from, rows and columns (N, H, W), if three points move by ``moves`` (N, 3, 2)."""
    height, width = rows.shape
    reach = min(height, width) // 3
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]], dtype=torch.float64, device=rows.device)
    centre = torch.tensor([width // 2, height // 2], dtype=torch.float64, device=rows.device)
    old = centre + reach * signs  # (3, 2) as x, y
    new = old + moves
    u, v = new[:, 0] - new[:, 1], new[:, 1] - new[:, 2]  # (N, 2): two edges, which span the plane, after
    old_u, old_v = old[0] - old[1], old[1] - old[2]  # and before
    determinant = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    dx = columns - new[:, 1, 0, None, None]
    dy = rows - new[:, 1, 1, None, None]  # (N, H, W)

    a = (dx * v[:, 1, None, None] - dy * v[:, 0, None, None]) / determinant[:, None, None]
    b = (dy * u[:, 0, None, None] - dx * u[:, 1, None, None]) / determinant[:, None, None]
    return old[1, 1] + a * old_u[1] + b * old_v[1], old[1, 0] + a * old_u[0] + b * old_v[0]


def _sample(x: Tensor, rows: Tensor, columns: Tensor, repeat_edge: bool) -> Tensor:
    """Bilinear values of x (N, 3, H, W) at pixel coordinates (N, H, W), reflected at the border."""
    height, width = x.shape[2:]
    if repeat_edge:
        grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], 3)
    else:
        grid = torch.stack([2 * columns / (width - 1) - 1, 2 * rows / (height - 1) - 1], 3)
    return grid_sample(x, grid.to(x.dtype), padding_mode="reflection", align_corners=not repeat_edge)
