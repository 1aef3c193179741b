"""The corruptions of ImageNet-C stated again, one image after the other, with NumPy, SciPy and Pillow.

After the definition of Hendrycks and Dietterich 2019 (repository hendrycks/robustness); frost is left out, whose
photographs are not here. An image is uint8 (H, W, 3), and so is the result before JPEG files are written.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Picture = NDArray[np.uint8]
Values = NDArray[np.float64]


def grey_levels(x: Values) -> Picture:
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)


def gaussian_noise(x: Values, severity: int, rng: Generator) -> Picture:
    return grey_levels(x + rng.normal(0, (0.08, 0.12, 0.18, 0.26, 0.38)[severity], x.shape))


def shot_noise(x: Values, severity: int, rng: Generator) -> Picture:
    photons = (60, 25, 12, 5, 3)[severity]
    return grey_levels(rng.poisson(x * photons) / photons)


def impulse_noise(x: Values, severity: int, rng: Generator) -> Picture:
    hit = rng.random(x.shape) < (0.03, 0.06, 0.09, 0.17, 0.27)[severity]
    return grey_levels(np.where(hit, rng.random(x.shape) < 0.5, x))


def defocus_blur(x: Values, severity: int, rng: Generator) -> Picture:
    radius, alias = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))[severity]
    reach, taps = (8, 1) if radius <= 8 else (radius, 2)
    y, z = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = ((y**2 + z**2 <= radius**2) / np.sum(y**2 + z**2 <= radius**2)).astype(np.float32)
    window = np.exp(-(np.arange(-taps, taps + 1) ** 2) / (2 * alias**2))
    kernel = ndimage.correlate(disk, np.outer(window, window) / window.sum() ** 2, mode="mirror")
    return grey_levels(np.stack([ndimage.correlate(x[..., c], kernel, mode="mirror") for c in range(3)], 2))


def _smoothed(x: Values, sigma: float) -> Values:
    return ndimage.gaussian_filter(x, (sigma, sigma, 0), mode="nearest")


def glass_blur(x: Values, severity: int, rng: Generator) -> Picture:
    sigma, delta, iterations = ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))[severity]
    pixels = grey_levels(_smoothed(x, sigma))
    for _ in range(iterations):
        copied_in_order(pixels, delta, rng.integers(-delta, delta, (*x.shape[:2], 2)))
    return grey_levels(_smoothed(pixels / 255, sigma))


def copied_in_order(pixels: Picture, delta: int, moves: NDArray[np.int64]) -> None:
    """Each inner pixel takes the value at its move, from the last one to the first, in place."""
    for row in range(len(pixels) - delta, delta, -1):
        for column in range(pixels.shape[1] - delta, delta, -1):
            down, right = moves[row, column]
            pixels[row, column] = pixels[row + down, column + right]


def _motion(pixels: Picture, radius: float, sigma: float, degrees: float) -> Picture:
    """uint8 (H, W, C) blurred towards an angle, as ImageMagick does it."""
    taps = np.arange(2 * int(np.ceil(radius)) + 1)
    weights = np.exp(-(taps**2) / (2 * sigma**2))
    weights /= weights.sum()
    total = np.zeros(pixels.shape)
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    for tap, weight in zip(taps, weights, strict=True):
        down = int(np.ceil(tap * np.sin(np.deg2rad(degrees)) - 0.5))
        right = int(np.ceil(tap * np.cos(np.deg2rad(degrees)) - 0.5))
        row = np.clip(rows + down, 0, pixels.shape[0] - 1)
        total += weight * pixels[row, np.clip(columns + right, 0, pixels.shape[1] - 1)]
    return total.astype(np.uint8)


def motion_blur(x: Values, severity: int, rng: Generator) -> Picture:
    radius, sigma = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))[severity]
    return _motion((x * 255).round().astype(np.uint8), radius, sigma, rng.uniform(-45, 45))


def _zoomed(x: Values, factor: float) -> Values:
    side = len(x)
    kept = int(np.ceil(side / factor))
    top = (side - kept) // 2
    large = ndimage.zoom(x[top : top + kept, top : top + kept], (factor, factor, 1), order=1)
    cut = (len(large) - side) // 2
    return large[cut : cut + side, cut : cut + side]


def zoom_blur(x: Values, severity: int, rng: Generator) -> Picture:
    stop, step = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))[severity]
    factors = np.arange(1, stop, step)
    return grey_levels((x + sum(_zoomed(x, factor) for factor in factors)) / (len(factors) + 1))


def _cloud(side: int, decay: float, rng: Generator) -> Values:
    """A diamond-square fractal on a torus, in [0, 1]."""
    cloud, step, wibble = np.zeros((side, side)), side, 100.0
    while step > 1:
        half = step // 2
        even, odd = np.arange(0, side, step), np.arange(half, side, step)
        corners = [((a + b) % side) for a in (odd,) for b in (-half, half)]
        mean = sum(cloud[np.ix_(r, c)] for r in corners for c in corners) / 4
        cloud[np.ix_(odd, odd)] = mean + wibble * rng.uniform(-wibble, wibble, mean.shape)
        for rows, columns in ((even, odd), (odd, even)):
            around = [
                (rows - half, columns),
                (rows + half, columns),
                (rows, columns - half),
                (rows, columns + half),
            ]
            mean = sum(cloud[np.ix_(r % side, c % side)] for r, c in around) / 4
            cloud[np.ix_(rows, columns)] = mean + wibble * rng.uniform(-wibble, wibble, mean.shape)
        step, wibble = half, wibble / decay
    cloud -= cloud.min()
    return cloud / cloud.max()


def fog(x: Values, severity: int, rng: Generator) -> Picture:
    amount, decay = ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))[severity]
    cloud = _cloud(256, decay, rng)[: x.shape[0], : x.shape[1], None]
    return grey_levels((x + amount * cloud) * x.max() / (x.max() + amount))


def snow(x: Values, severity: int, rng: Generator) -> Picture:
    mean, deviation, zoom, threshold, radius, sigma, kept = (
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    )[severity]
    layer = _zoomed(rng.normal(mean, deviation, (*x.shape[:2], 1)), zoom)
    layer = (
        _motion(grey_levels(np.where(layer < threshold, 0, layer)), radius, sigma, rng.uniform(-135, -45)) / 255
    )
    grey = (x @ [0.299, 0.587, 0.114])[..., None]
    white = kept * x + (1 - kept) * np.maximum(x, grey * 1.5 + 0.5)
    return grey_levels(white + layer + layer[::-1, ::-1])


def brightness(x: Values, severity: int, rng: Generator) -> Picture:
    hsv = rgb_to_hsv(x)
    hsv[..., 2] = np.clip(hsv[..., 2] + (0.1, 0.2, 0.3, 0.4, 0.5)[severity], 0, 1)
    return grey_levels(hsv_to_rgb(hsv))


def contrast(x: Values, severity: int, rng: Generator) -> Picture:
    mean = x.mean((0, 1))
    return grey_levels((x - mean) * (0.4, 0.3, 0.2, 0.1, 0.05)[severity] + mean)


def elastic_transform(x: Values, severity: int, rng: Generator) -> Picture:
    alpha, sigma, affine = (
        (244 * 2, 244 * 0.7, 244 * 0.1),
        (244 * 2, 244 * 0.08, 244 * 0.2),
        (244 * 0.05, 244 * 0.01, 244 * 0.02),
        (244 * 0.07, 244 * 0.01, 244 * 0.02),
        (244 * 0.12, 244 * 0.01, 244 * 0.02),
    )[severity]
    side = len(x)
    centre, reach = side // 2, side // 3
    old = centre + reach * np.array([[1, 1], [1, -1], [-1, -1]])
    new = old + rng.uniform(-affine, affine, (3, 2))
    back = np.linalg.solve(np.c_[new, np.ones(3)], old)  # (3, 2): from a pixel (x, y, 1) to where it comes from
    rows, columns = np.mgrid[:side, :side]
    source = np.stack([columns, rows, np.ones_like(rows)], 2) @ back
    x = _sampled(x, source[..., 1], source[..., 0], "mirror")
    moved = [
        alpha * ndimage.gaussian_filter(rng.uniform(-1, 1, (side, side)), sigma, mode="reflect", truncate=3)
        for _ in range(2)
    ]
    return grey_levels(_sampled(x, rows + moved[0], columns + moved[1], "reflect"))


def _sampled(x: Values, rows: Values, columns: Values, mode: str) -> Values:
    channels = [ndimage.map_coordinates(x[..., c], (rows, columns), order=1, mode=mode) for c in range(3)]
    return np.stack(channels, 2)


def pixelate(x: Values, severity: int, rng: Generator) -> Picture:
    picture, share = Image.fromarray(grey_levels(x + 1e-9)), (0.6, 0.5, 0.4, 0.3, 0.25)[severity]
    small = picture.resize(tuple(int(side * share) for side in picture.size), Image.Resampling.BOX)
    return np.asarray(small.resize(picture.size, Image.Resampling.BOX))


def jpeg_compression(x: Values, severity: int, rng: Generator) -> Picture:
    file = BytesIO()
    Image.fromarray(grey_levels(x + 1e-9)).save(file, "JPEG", quality=(25, 18, 15, 10, 7)[severity])
    return np.asarray(Image.open(file))


DEFINITION: dict[str, Callable[[Values, int, Generator], Picture]] = {
    each.__name__: each
    for each in (
        *(gaussian_noise, shot_noise, impulse_noise, defocus_blur, glass_blur, motion_blur, zoom_blur, fog, snow),
        *(brightness, contrast, elastic_transform, pixelate, jpeg_compression),
    )
}
