"""Linear maps of image rows and columns: their small matrices come from SciPy, so that they are its own."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

Matrix = NDArray[np.float64]


def both_axes(rows: Matrix, columns: Matrix, x: Tensor) -> Tensor:
    """rows x columns^T for x (..., H, W), each image by itself: its result does not depend on the others."""
    flat = x.reshape(-1, *x.shape[-2:])  # (B, H, W)
    left = torch.as_tensor(rows).to(x).expand(len(flat), -1, -1)
    right = torch.as_tensor(columns.T.copy()).to(x).expand(len(flat), -1, -1)
    product = torch.bmm(left, torch.bmm(flat, right))
    return product.view(*x.shape[:-2], len(rows), len(columns))


@lru_cache(maxsize=64)
def gaussian(side: int, sigma: float, truncate: float) -> Matrix:
    """SciPy's Gaussian filter along one axis, borders reflected, (side, side)."""
    if sigma == 0:
        return np.eye(side)
    return np.asarray(ndimage.gaussian_filter1d(np.eye(side), sigma, 0, mode="reflect", truncate=truncate))


@lru_cache(maxsize=256)
def zoom(side: int, factor: float) -> Matrix:
    """The central part of an axis zoomed back to its length by linear interpolation, (side, side)."""
    kept = math.ceil(side / factor)
    top = (side - kept) // 2
    zoomed = ndimage.zoom(np.eye(side)[top : top + kept], (factor, 1), order=1)
    trim = (len(zoomed) - side) // 2
    return np.asarray(zoomed[trim : trim + side])
