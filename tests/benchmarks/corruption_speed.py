"""Throughput of the corruptions, beside one process that corrupts one image after the other.

python -m tests.benchmarks.corruption_speed [--images 500] [--data-dir DIR] [--device cuda]

The loops below are the definition read aloud: NumPy, SciPy and Pillow on one image at a time. Both run on one
thread and take turns; times are scaled to a test set of 10,000 images at five severities. ``--check`` compares the
strength (RMSE) of both instead, so that they are known to do the same work.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

import evonas
from evonas.data import source
from evonas.evaluation.corruptions import SEVERITIES, corruptions

Array = NDArray[Any]
TEST_SET = 10_000
SMOOTH = ndimage.gaussian_filter
FROST: list[Array] = []  # five large textures in the place of the photographs


def to_uint8(x: Array) -> Array:
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)


def gaussian_noise(image: Array, c: float, rng: Generator) -> Array:
    return to_uint8(image / 255 + rng.normal(size=image.shape, scale=c))


def shot_noise(image: Array, c: int, rng: Generator) -> Array:
    return to_uint8(rng.poisson(image / 255 * c) / c)


def impulse_noise(image: Array, c: float, rng: Generator) -> Array:
    hit, salt = rng.random(image.shape) < c, rng.random(image.shape) < 0.5
    return np.where(hit, np.where(salt, 255, 0), image).astype(np.uint8)


def defocus_blur(image: Array, c: tuple[float, float], rng: Generator) -> Array:
    radius, alias = c
    axis = np.arange(-8, 9)
    disk = (axis[:, None] ** 2 + axis**2 <= radius**2).astype(np.float64)
    kernel = SMOOTH(disk / disk.sum(), alias, radius=1, mode="constant")
    channels = [ndimage.correlate(image[..., k] / 255, kernel, mode="mirror") for k in range(3)]
    return to_uint8(np.stack(channels, -1))


def glass_blur(image: Array, c: tuple[float, int, int], rng: Generator) -> Array:
    sigma, delta, iterations = c
    x = to_uint8(SMOOTH(image / 255, (sigma, sigma, 0), mode="nearest"))
    for _ in range(iterations):
        for h in range(32 - delta, delta, -1):
            for w in range(32 - delta, delta, -1):
                dx, dy = rng.integers(-delta, delta, size=2)
                x[min(h, 31), min(w, 31)] = x[min(h + dy, 31), min(w + dx, 31)]
    return to_uint8(SMOOTH(x / 255, (sigma, sigma, 0), mode="nearest"))


def streak(image: Array, radius: float, sigma: float, angle: float) -> Array:
    """ImageMagick's motion blur of (H, W) or (H, W, 3), a shifted copy for each tap."""
    taps = np.arange(2 * radius + 1)
    weights = np.exp(-(taps**2) / (2 * sigma**2))
    weights /= weights.sum()
    out = np.zeros(image.shape)
    height, width = image.shape[:2]
    for tap, weight in enumerate(weights):
        dy = math.ceil(tap * math.sin(math.radians(angle)) - 0.5)
        dx = math.ceil(tap * math.cos(math.radians(angle)) - 0.5)
        rows, columns = (
            np.clip(np.arange(height) + dy, 0, height - 1),
            np.clip(np.arange(width) + dx, 0, width - 1),
        )
        out += weight * image[rows][:, columns]
    return out.astype(np.uint8)


def motion_blur(image: Array, c: tuple[float, float], rng: Generator) -> Array:
    return streak(image, *c, rng.uniform(-45, 45))


def zoomed(image: Array, factor: float) -> Array:
    kept = math.ceil(len(image) / factor)
    top = (len(image) - kept) // 2
    crop = image[top : top + kept, top : top + kept]
    out = ndimage.zoom(crop, (factor, factor, *[1] * (image.ndim - 2)), order=1)
    trim = (len(out) - len(image)) // 2
    return np.asarray(out[trim : trim + len(image), trim : trim + len(image)])


def zoom_blur(image: Array, stop: float, rng: Generator) -> Array:
    x = (image / 255).astype(np.float32)
    factors = np.arange(1, stop, 0.01)
    return to_uint8((x + sum(zoomed(x, factor) for factor in factors)) / (len(factors) + 1))


def snow(image: Array, c: tuple[float, ...], rng: Generator) -> Array:
    mean, deviation, zoom, threshold, radius, sigma, kept = c
    flakes = zoomed(rng.normal(size=image.shape[:2], loc=mean, scale=deviation), zoom)
    flakes[flakes < threshold] = 0
    layer = streak(to_uint8(flakes), radius, sigma, rng.uniform(-135, -45))[..., None] / 255
    x = image / 255
    gray = np.asarray(Image.fromarray(image).convert("L"))[..., None] / 255
    x = kept * x + (1 - kept) * np.maximum(x, gray * 1.5 + 0.5)
    return to_uint8(x + layer + np.rot90(layer, 2))


def frost(image: Array, c: tuple[float, float], rng: Generator) -> Array:
    photograph = FROST[rng.integers(5)]
    top, left = rng.integers(photograph.shape[0] - 32), rng.integers(photograph.shape[1] - 32)
    return to_uint8(c[0] * (image / 255) + c[1] * photograph[top : top + 32, left : left + 32] / 255)


def fog(image: Array, c: tuple[float, float], rng: Generator) -> Array:
    amount, decay = c
    cloud, step, wibble = np.zeros((32, 32)), 32, 100.0

    def wibbled(total: Array) -> Array:
        return total / 4 + wibble * rng.uniform(-wibble, wibble, total.shape)

    while step >= 2:
        half = step // 2
        corners = cloud[::step, ::step]
        rows = corners + np.roll(corners, -1, 0)
        cloud[half::step, half::step] = centres = wibbled(rows + np.roll(rows, -1, 1))
        cloud[::step, half::step] = wibbled(centres + np.roll(centres, 1, 0) + corners + np.roll(corners, -1, 1))
        cloud[half::step, ::step] = wibbled(centres + np.roll(centres, 1, 1) + corners + np.roll(corners, -1, 0))
        step, wibble = half, wibble / decay
    cloud = (cloud - cloud.min()) / (cloud.max() - cloud.min())
    x = image / 255
    return to_uint8((x + amount * cloud[..., None]) * x.max() / (x.max() + amount))


def brightness(image: Array, c: float, rng: Generator) -> Array:
    x = image / 255
    value, spread = x.max(2, keepdims=True), np.ptp(x, 2, keepdims=True)
    saturation = np.divide(spread, value, out=np.zeros_like(value), where=value > 0)
    distance = np.divide(value - x, spread, out=np.zeros_like(x), where=spread > 0)
    return to_uint8(np.minimum(value + c, 1) * (1 - saturation * distance))


def contrast(image: Array, c: float, rng: Generator) -> Array:
    x = image / 255
    mean = x.mean((0, 1), keepdims=True)
    return to_uint8((x - mean) * c + mean)


def elastic_transform(image: Array, c: tuple[float, float, float], rng: Generator) -> Array:
    alpha, sigma, affine = (32 * value / 32 for value in c)
    x = image / 255
    old = 16 + 10 * np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    new = old + rng.uniform(-affine, affine, old.shape)
    back = np.linalg.solve(np.c_[new, np.ones(3)], old)  # (3, 2): (x, y, 1) of the result to (x, y) of the image
    columns, rows = np.meshgrid(np.arange(32), np.arange(32))
    places = np.stack([columns, rows, np.ones_like(rows)], -1) @ back
    at = [places[..., 1], places[..., 0]]
    x = np.stack([ndimage.map_coordinates(x[..., k], at, order=1, mode="mirror") for k in range(3)], -1)
    if alpha > 0:
        dy, dx = (
            SMOOTH(rng.uniform(-1, 1, (32, 32)), sigma, mode="reflect", truncate=3) * alpha for _ in range(2)
        )
        at = [rows + dy, columns + dx]
        x = np.stack([ndimage.map_coordinates(x[..., k], at, order=1, mode="reflect") for k in range(3)], -1)
    return to_uint8(x)


def pixelate(image: Array, c: float, rng: Generator) -> Array:
    small = Image.fromarray(image).resize((int(32 * c), int(32 * c)), Image.Resampling.BOX)
    return np.asarray(small.resize((32, 32), Image.Resampling.BOX))


def jpeg_compression(image: Array, c: int, rng: Generator) -> Array:
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=c)
    return np.asarray(Image.open(file))


LOOPS: dict[str, Callable[[Array, Any, Generator], Array]] = {
    name: globals()[name] for name in corruptions
}  # every registered corruption has its loop


def loop(name: str, severity: int, pictures: Array, rng: Generator) -> Array:
    constant = corruptions[name].constants[severity - 1]
    return np.stack([LOOPS[name](image, constant, rng) for image in pictures])


def rmse(corrupted: Array, clean: Array) -> float:
    return float(np.sqrt(((corrupted.astype(float) - clean) ** 2).mean((1, 2, 3))).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500, help="of each corruption and severity")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data-dir")
    parser.add_argument("--device", default="cpu", help="of ours; the loop is on one core in any case")
    parser.add_argument("--check", action="store_true", help="compare strengths instead of seconds")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = source(asked.dataset, asked.data_dir)
    images = data.images("test", torch.arange(asked.images))
    pictures = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
    images = images.to(asked.device)
    rng = np.random.default_rng(0)
    FROST[:] = rng.integers(0, 256, (5, 200, 150, 3), dtype=np.uint8)

    def now() -> float:
        if images.is_cuda:
            torch.cuda.synchronize()
        return time.perf_counter()

    if asked.check:
        for name in corruptions:
            for severity in SEVERITIES:
                ours = evonas.corrupt(images, name, severity).cpu().permute(0, 2, 3, 1).numpy()
                theirs = loop(name, severity, pictures, rng)
                print(f"{name:18} {severity}  {rmse(ours, pictures):7.2f} {rmse(theirs, pictures):7.2f}")
        return
    scaled = TEST_SET / asked.images
    totals = np.zeros(2)
    print(f"seconds for {TEST_SET} images x {len(SEVERITIES)} severities\n{'':18}   evonas     loop  ratio")
    for name in corruptions:
        evonas.corrupt(images[:2], name, 1)  # what is made once is made before
        seconds = []
        for _ in range(asked.rounds):
            pair = np.zeros(2)
            for severity in SEVERITIES:
                started = now()
                evonas.corrupt(images, name, severity)
                middle = now()
                loop(name, severity, pictures, rng)
                pair += (middle - started, now() - middle)
            seconds.append(pair * scaled)
        ours, theirs = (statistics.median(column) for column in zip(*seconds, strict=True))
        totals += (ours, theirs)
        print(f"{name:18} {ours:8.2f} {theirs:8.2f} {theirs / ours:6.1f}", flush=True)
    count = TEST_SET * len(SEVERITIES) * len(corruptions)
    print(f"{'total':18} {totals[0]:8.2f} {totals[1]:8.2f} {totals[1] / totals[0]:6.1f}")
    print(f"{asked.device}, one thread: {count / totals[0]:.0f} images/s, the loop {count / totals[1]:.0f}")


if __name__ == "__main__":
    main()
