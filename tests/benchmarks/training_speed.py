"""Images a second of training, beside the loop that everybody writes first.

python -m tests.benchmarks.training_speed --channels 8 --layers 5 [--dataset cifar10] [--device cuda]

The plain loop: a DataLoader with torchvision's transforms on one PIL image after the other (crop, flip, tensor,
normalise, cutout), float32, NCHW, the loss read after every step. Both train the same network with the same
optimiser; they take turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from evonas.core.events import Listener
from evonas.core.signals import StopRequest
from evonas.data import source
from evonas.training.events import StepDone
from evonas.training.parallel import Group
from evonas.training.settings import TrainSettings
from evonas.training.training import Training


class Enough(Exception):
    """The measured steps are done."""


class Clock(Listener):
    """Times the steps of our training, without the first ones."""

    def __init__(self, device: str, warm: int, steps: int) -> None:
        self.device, self.warm, self.last = device, warm, warm + steps
        self.started = self.seconds = 0.0

    def step(self, event: StepDone) -> None:
        done = event.done
        if done == self.warm:
            self.started = now(self.device)
        if done == self.last:
            self.seconds = now(self.device) - self.started
            raise Enough


class Cutout:
    """One image's square of zeros."""

    def __init__(self, side: int) -> None:
        self.side = side

    def __call__(self, image: Tensor) -> Tensor:
        row, column = (int(torch.randint(32, ())) for _ in range(2))
        half = self.side // 2
        image[:, max(0, row - half) : row + half, max(0, column - half) : column + half] = 0.0
        return image


class Pictures(Dataset[tuple[Tensor, int]]):
    """PIL images through torchvision's transforms."""

    def __init__(self, settings: TrainSettings, count: int) -> None:
        data = source(settings.dataset, settings.data_dir)
        chosen = torch.arange(count) % len(data.labels("train"))
        self.images = data.images("train", chosen).permute(0, 2, 3, 1).numpy()
        self.labels = data.labels("train")[chosen].tolist()
        steps = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
        steps += [transforms.Normalize(settings.mean, settings.std), Cutout(settings.chosen.cutout)]
        self.transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def now(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


def plain(
    settings: TrainSettings, loader: Iterator[tuple[Tensor, Tensor]], steps: int, network: nn.Module
) -> None:
    """The plain loop for some steps."""
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=3e-4, nesterov=True)
    for _ in range(steps):
        images, labels = next(loader)
        images, labels = images.to(settings.device), labels.to(settings.device)
        optimiser.zero_grad()
        loss = F.cross_entropy(network(images), labels, label_smoothing=settings.chosen.label_smoothing)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings.chosen.clip)
        optimiser.step()
        loss.item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genotype", default="DARTS_V2")
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--data-dir")
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=96)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0, help="of the DataLoader")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    settings = TrainSettings(
        asked.genotype,
        dataset=asked.dataset,
        data_dir=asked.data_dir,
        channels=asked.channels,
        layers=asked.layers,
        device=asked.device,
        precision=asked.precision,
        overrides={"batch_size": asked.batch_size, "drop_path": 0.0, "ema": 0.0},
    ).resolve()
    warm = 2
    pictures = Pictures(settings, (asked.steps + warm) * asked.batch_size * asked.rounds)
    loader = iter(DataLoader(pictures, asked.batch_size, shuffle=True, num_workers=asked.workers))
    network = settings.build().network.to(settings.device).train()
    ours, theirs = [], []
    for _ in range(asked.rounds):
        with tempfile.TemporaryDirectory() as directory:
            clock = Clock(settings.device, warm, asked.steps)
            training = Training(Path(directory), settings, clock, Group())
            try:
                training._learn(0, StopRequest())
            except Enough:
                ours.append(clock.seconds)
        plain(settings, loader, warm, network)
        started = now(settings.device)
        plain(settings, loader, asked.steps, network)
        theirs.append(now(settings.device) - started)
    images = asked.steps * asked.batch_size
    for name, seconds in (("evonas", ours), ("plain loop", theirs)):
        print(f"{name:11} {images / statistics.median(seconds):9.1f} images/s  (median of {len(seconds)})")
    ratios = [slow / fast for fast, slow in zip(ours, theirs, strict=True)]
    print(
        f"ratio       {statistics.median(ratios):9.2f}  (from {min(ratios):.2f} to {max(ratios):.2f})\n"
        f"{settings.device}, {settings.precision}, {asked.threads} threads, {asked.workers} loader workers"
    )


if __name__ == "__main__":
    main()
