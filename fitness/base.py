"""The interface of a proxy and its inputs."""

from __future__ import annotations

import hashlib
import inspect
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fitness.layout import layout
from fitness.norm import keep_digits
from fitness.precision import full_precision
from fitness.upload import uploaded
from spaces import Network, NetworkSize, Space, UsageError


class Batch(NamedTuple):
    """One batch: images (N, 3, H, W) normalised with the data set's mean and std, labels (N,)."""

    images: Tensor
    labels: Tensor
    low: Tensor  # (3, 1, 1), what black is after normalisation
    high: Tensor  # (3, 1, 1), what white is

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by value: shared memory of PyTorch would tie processes together."""
        return _batch, tuple(tensor.numpy() for tensor in self)


def _batch(*arrays: Any) -> Batch:
    return Batch(*(torch.tensor(array) for array in arrays))


class Score(NamedTuple):
    """The value of a proxy for one genotype; None if it cannot be computed, for ``reason``."""

    value: float | None
    reason: str = ""
    seconds: float = 0.0


class NoScore(ArithmeticError):
    """Raised by a proxy that has no value for a genotype; its text becomes `Score.reason`."""


def stable_hash(*parts: object) -> int:
    """A 63-bit integer from the text of ``parts``, equal in all processes and on all machines."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True)
class Populations:
    """How networks share passes: at most ``networks`` at once, limited by a fraction of free memory or by bytes.

    Scores do not depend on these numbers: bit-identical on a CPU, up to rounding on a GPU.
    """

    networks: int
    memory: float = 0.85  # up to 1 a fraction, above 1 bytes
    ahead: bool | None = None  # draw weights while the passes before run; None: on a GPU


@dataclass(frozen=True)
class Task:
    """Everything except the genotype that a score depends on.

    A score depends on whether ``populations`` is None, because batched scoring rounds differently (see
    `fitness.population`).
    """

    space: Space
    size: NetworkSize
    seed: int = 0
    batch: Batch | None = None
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    populations: Populations | None = None

    @property
    def _layout(self) -> torch.memory_format:
        return layout(self.device, self.dtype)

    def network(self, genotype: Any, *, norm: bool = True) -> Network:
        """The untrained network of ``genotype``, its weights drawn from hash(seed, canonical key)."""
        generator = torch.Generator().manual_seed(stable_hash(self.seed, self.space.key(genotype)))
        network = self.space.build(genotype, self.size, generator=generator, norm=norm)
        if self.device != "cpu":
            return uploaded(network, self.device, self.dtype)
        network = network.to(dtype=self.dtype).to(memory_format=self._layout)
        keep_digits(network)
        return network

    def images_and_labels(self) -> tuple[Tensor, Tensor]:
        """Images (N, 3, H, W) and labels (N,) on the task's device, images in its precision."""
        batch = self._images
        return batch.images.to(self.device, self.dtype, memory_format=self._layout), batch.labels.to(self.device)

    @property
    def draws_ahead(self) -> bool:
        """Whether weights are drawn while the populations before them are scored."""
        if self.populations is None:
            return False
        return self.device != "cpu" if self.populations.ahead is None else self.populations.ahead

    @property
    def image_count(self) -> int:
        """The number of images."""
        return len(self._images.labels)

    @property
    def _images(self) -> Batch:
        if self.batch is None:
            raise UsageError("this proxy needs a batch of images; choose a data set with --dataset")
        return self.batch


@dataclass(frozen=True)
class Proxy:
    """A registered measure: a function of one canonical genotype and a `Task`; larger is better."""

    name: str
    function: Callable[[Any, Task], float]
    formula: str
    source: str
    cost: str
    needs_images: bool
    version: int = 1  # raised when values change by more than rounding, which invalidates stored scores

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.function) or "").split("\n")[0]

    def score(self, genotype: Any, task: Task) -> Score:
        """The value for one genotype, scored in its canonical form; NaN and infinity become None."""
        started = time.perf_counter()
        try:
            # CPU sums are split among threads: scores must not depend on the number of cores
            with threads(1), full_precision():
                value = float(self.function(task.space.canonical(genotype), task))
            reason = "" if math.isfinite(value) else f"{self.name} is {value}"
        except NoScore as error:
            value, reason = math.nan, str(error)
        return Score(None if reason else value, reason, time.perf_counter() - started)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """PyTorch computes with ``count`` CPU threads within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
