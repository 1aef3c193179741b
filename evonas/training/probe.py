"""How long trainings will take, from a few steps and images of the smallest, median and largest network."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import torch

from evonas.core.events import Listener
from evonas.core.signals import Interrupted
from evonas.training import checkpoint
from evonas.training.augment import augment, draw
from evonas.training.images import TrainingData
from evonas.training.model import Classifier
from evonas.training.parallel import Group
from evonas.training.settings import TrainSettings
from evonas.training.training import Trained, Training

T = TypeVar("T")
NOWHERE = Path("/nonexistent")  # of a training that is never run
STEPS = 3
SHORT = 10.0  # seconds of a training, up to which parts of it are tried as a whole
MAX_IMAGES = 64


class Probe:
    """Times parts of a training that is never run."""

    def __init__(self, settings: TrainSettings, data: TrainingData) -> None:
        """The probe of resolved ``settings``."""
        self._data = data
        settings = replace(settings, compile=False)  # takes longer than all that is tried
        self.training = Training(NOWHERE, settings, Listener(), Group(), data)
        self.epochs = 0  # for which `trained` was trained
        self.trained: Classifier | None = None  # by the last training that was tried as a whole
        self._count = len(self.training.held_out)
        self.images = min(self._count, MAX_IMAGES)  # held out, that are tried
        held_out = self.training.held_out
        self.training.held_out = held_out.among(slice(self.images))

    def step(self) -> float:
        """Seconds of a step."""
        training, device = self.training, self.training.settings.device
        batch = training.recipe.batch_size
        assert batch is not None
        here = slice(0, batch)
        generator = torch.Generator().manual_seed(0)
        draws = draw(batch, training.images.side, training.recipe, generator, device)
        sums = torch.zeros(2, dtype=torch.float64, device=device)

        def step() -> None:
            pixels = augment(training.images.pixels(here), draws.at(here), training.recipe, training.model.mean)
            training.step(pixels, training.images.labels[here], sums)

        training.model.train()
        step()  # the first one is slower
        return median(timed(step, device) for _ in range(STEPS))

    def whole(self, step: float) -> float:
        """Seconds of all epochs if each step takes ``step``.

        A short training is tried for one and for two epochs, as much of it is neither steps nor measurements.
        """
        epochs = self.training.recipe.epochs
        seconds = epochs * (self.training.steps * step + self.held_out(self.training.measure))
        if seconds > SHORT:
            return seconds
        first = self._tried(1)
        return first if epochs == 1 else first + (epochs - 1) * max(0.0, self._tried(2) - first)

    def _tried(self, epochs: int) -> float:
        """Seconds of a training of so many epochs."""
        settings = self.training.settings
        settings = replace(settings, numbers=replace(settings.chosen, epochs=epochs))
        with TemporaryDirectory(prefix="evonas-") as place:
            training = Training(Path(place), settings, Listener(), Group(), self._data)

            def run() -> Trained:
                found = training.run()
                self.epochs, self.trained = epochs, checkpoint.load(found.checkpoint).model(settings.device)
                return found

            return timed(run, settings.device)

    def held_out(self, work: Callable[[], object]) -> float:
        """Seconds of ``work`` for all images that are held out; it uses those of the probe."""
        return timed(work, self.training.settings.device) * self._count / self.images


def interpolated(sizes: Mapping[T, int], seconds: Callable[[T], float]) -> dict[T, float] | None:
    """Seconds of everything in ``sizes``, linear in size between three that are tried; None if all fail."""
    order = sorted(sizes, key=lambda one: sizes[one])
    points: dict[int, float] = {}
    for one in dict.fromkeys((order[0], order[len(order) // 2], order[-1])):
        try:
            points[sizes[one]] = seconds(one)
        except (Interrupted, OSError):
            raise
        except Exception:  # its training will say why
            continue
    if not points:
        return None
    known = sorted(points)
    found = np.interp([sizes[one] for one in sizes], known, [points[size] for size in known])
    return dict(zip(sizes, found.tolist(), strict=True))


def aside(device: str) -> AbstractContextManager[None]:
    """The global random generators are as before after the block."""
    return torch.random.fork_rng(devices=[device] if device.startswith("cuda") else [])


def timed(work: Callable[[], object], device: str) -> float:
    """Seconds of ``work`` on ``device``."""
    started = time.perf_counter()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
