"""The training loop: each epoch is a pure function of the previous checkpoint."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evonas.core.events import Closed, Message, Observer, Warned, announcing
from evonas.core.shell import command, elsewhere, resuming
from evonas.core.signals import Interrupted, StopRequest, stop_requests
from evonas.store.queries import DATABASE
from evonas.training import checkpoint, optimisers
from evonas.training.augment import Draws, augment, draw
from evonas.training.certified import initialise
from evonas.training.class_weights import weights_of
from evonas.training.convolutions import fastest_convolutions
from evonas.training.data_check import require_training, unchecked
from evonas.training.divergence import NotFinite
from evonas.training.ema import MovingAverage
from evonas.training.events import EpochDone, StepDone, TrainingStarted
from evonas.training.images import TrainingData, known, split
from evonas.training.measure import judged
from evonas.training.metrics import EpochRow, kept, write_csv
from evonas.training.model import Classifier
from evonas.training.parallel import Group
from evonas.training.paths import BEST, LAST, METRICS
from evonas.training.schedule import drop_path_probability, learning_rate
from evonas.training.settings import TrainSettings
from evonas.training.step import Step
from fitness import stable_hash
from fitness.layout import layout
from spaces.errors import EvonasError, UsageError

AVERAGE = "average."
COMPILED = "compiled"  # whether a training that was to be compiled was
STEPS_BETWEEN_CHECKS = 50  # steps between reads of the loss, which synchronise a GPU
COLLAPSE = 0.5  # robust accuracy below this fraction of the best so far is catastrophic overfitting
MAX_GUARDED_STEPS = 8


@dataclass(frozen=True)
class Trained:
    """The result of a training."""

    directory: Path
    settings: TrainSettings
    history: tuple[EpochRow, ...]
    best: EpochRow

    @property
    def checkpoint(self) -> Path:
        """The best epoch on the validation images."""
        return self.directory / BEST

    @property
    def seconds(self) -> float:
        """Time of all recorded epochs."""
        return sum(row.seconds for row in self.history)


class Training:
    """A training in progress; its state is the last checkpoint."""

    def __init__(
        self,
        directory: Path,
        settings: TrainSettings,
        observer: Observer,
        group: Group,
        data: TrainingData | None = None,  # by default read here
    ) -> None:
        found = checkpoint.load(directory / LAST) if (directory / LAST).exists() else None
        if found is not None:
            settings = settings.continuing(found.settings)
        self.directory, self.settings, self.observer, self.group = directory, settings, observer, group
        recipe = self.recipe = settings.chosen
        assert recipe.batch_size is not None
        if recipe.batch_size % group.world:
            raise UsageError(f"batch_size {recipe.batch_size} is not a multiple of {group.world} processes")
        everything, self.data = known(settings) if data is None else data
        self.images, self.held_out = split(settings, everything)
        self.steps = len(self.images) // recipe.batch_size  # the incomplete last batch of an epoch is skipped
        if recipe.is_certified and group.world > 1:
            raise UsageError("certified training runs in one process, without torchrun")
        model = settings.build(auxiliary=recipe.auxiliary > 0)
        if recipe.initial == "ibp":
            initialise(model, stable_hash(settings.seed, settings.genotype, "initial"))
        self.layout = layout(settings.device, autocast=settings.precision == "bfloat16")
        self.model = model.to(settings.device).to(memory_format=self.layout).train()
        failed = found is not None and found.facts.get(COMPILED) is False
        self.stepping = Step(
            self.model,
            recipe,
            settings.device,
            bfloat16=settings.precision == "bfloat16",
            compile=bool(settings.compile) and not failed,
            observer=observer,
            group=group,
            weights=weights_of(self.images.labels, settings.size.classes) if recipe.weighted else None,
        )
        self.optimiser = self.stepping.optimiser
        self.average = MovingAverage(self.model, recipe.ema) if recipe.ema else None
        self.history: list[EpochRow] = []
        self.adversary_steps = recipe.steps if recipe.adversary != "none" else 0
        if found is not None:
            self._restore(found)

    @property
    def _home(self) -> Path:
        """The run that this training belongs to."""
        home = self.directory.parent
        return home.parent if home.name == "finalists" else home

    @property
    def _judged(self) -> Classifier:
        return self.model if self.average is None else self.average.model

    def run(self) -> Trained:
        """Train the missing epochs. Raises `Interrupted`, and `EvonasError` if the loss is not finite."""
        device = torch.device(self.settings.device)
        if self.group.leads:
            self.observer(TrainingStarted(self.directory, self.settings, self.history, self.steps))
            if self.history:  # a killed process may have saved an epoch without its row in the table
                write_csv(self.directory / METRICS, self.history, resuming(self._home))
        try:
            with (
                stop_requests(announcing(self.observer)) as stop,
                torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
                fastest_convolutions(device),
            ):
                while len(self.history) < self.recipe.epochs:
                    self._next_epoch(stop)
        finally:
            self.stepping.forward.close()
            if self.group.leads:
                self.observer(Closed())
        return Trained(self.directory, self.settings, tuple(self.history), kept(self.history))

    def _next_epoch(self, stop: StopRequest) -> None:
        started, epoch = time.perf_counter(), len(self.history)
        while True:
            loss, right = self._learn(epoch, stop)
            validation, robust = self.group.agreed(self.measure() if self.group.leads else None)
            if not self._collapsed(robust):
                break
            self.adversary_steps *= 2
            self.observer(
                Message(
                    f"epoch {epoch + 1}: catastrophic overfitting (robust accuracy fell to {100 * robust:.1f} %); "
                    f"the epoch is reverted and repeated with {self.adversary_steps} attack steps"
                )
            )
            self._restore(checkpoint.load(self.directory / LAST), keep_steps=True)
        rate = learning_rate(self.recipe, epoch, (self.steps - 1) / self.steps)
        seconds = time.perf_counter() - started
        row = EpochRow(epoch + 1, rate, loss, right, validation, robust, seconds, self.adversary_steps)
        self.history.append(row)
        if self.group.leads:
            self._save(row)
            self.observer(EpochDone(row))
        if self.group.agreed(stop.requested) and len(self.history) < self.recipe.epochs:
            raise self._interrupted()

    def _learn(self, epoch: int, stop: StopRequest) -> tuple[float, float]:
        """Train one epoch; returns the mean loss and the training accuracy."""
        recipe, device = self.recipe, self.settings.device
        assert recipe.batch_size is not None
        seed = stable_hash(self.settings.seed, "epoch", epoch)
        generator = torch.Generator().manual_seed(seed)
        order, places = self.images.placed(torch.randperm(len(self.images), generator=generator))
        draws = draw(len(order), self.images.side, recipe, generator, device)
        torch.manual_seed(stable_hash(seed, self.group.rank) if self.group.rank else seed)
        if recipe.drop_path:
            self.model.network.drop_path_prob = drop_path_probability(recipe, epoch)  # type: ignore[assignment]
        sums = torch.zeros(2, dtype=torch.float64, device=device)  # loss, correct images
        self.model.train()
        with self.stepping.norms.counted_at_the_end(self.steps) if self.stepping.forward.cuda else nullcontext():
            self._steps(epoch, order, places, draws, sums, stop)
        if self.average is not None:
            self.average.count()
        loss, right = (self.group.total(sums) / (self.steps * recipe.batch_size)).tolist()
        return loss, right

    def _steps(
        self, epoch: int, order: Tensor, places: Tensor, draws: Draws, sums: Tensor, stop: StopRequest
    ) -> None:
        """All steps of an epoch on the images in their ``order``, (n,); adds to ``sums``, (2,).

        ``places``, (n,), are the same indices for pixels, see `Images.placed`.
        """
        recipe = self.recipe
        assert recipe.batch_size is not None
        for step in range(self.steps):
            if stop.requested and self.group.world == 1:
                raise self._interrupted()
            here = slice(step * recipe.batch_size, (step + 1) * recipe.batch_size)
            chosen = order[here][self.group.share]
            drawn, images = draws.at(here).at(self.group.share), self.images.pixels(places[here][self.group.share])
            pixels = augment(images, drawn, recipe, self.model.mean, self.layout)
            for group in self.optimiser.param_groups:
                group["lr"] = learning_rate(recipe, epoch, step / self.steps)
            self.step(pixels, self.images.labels[chosen], sums, (epoch + step / self.steps) / recipe.epochs)
            if self.average is not None:
                self.average.update(epoch * self.steps + step + 1)
            if self.settings.device == "cpu" or step % STEPS_BETWEEN_CHECKS == 0 or step == self.steps - 1:
                self._require_finite(sums, epoch)
            if self.group.leads:
                self.observer(StepDone(epoch + 1, step + 1))

    def step(self, pixels: Tensor, labels: Tensor, sums: Tensor, passed: float = 1.0) -> None:
        """One step after the part ``passed`` of the training, on float32 (n, 3, H, W); adds to ``sums``, (2,)."""
        sums += self.stepping(pixels, labels, self.adversary_steps, passed)

    def _require_finite(self, sums: Tensor, epoch: int) -> None:
        if not math.isfinite(sums[0].item()):
            raise NotFinite(epoch + 1, self.recipe.lr, self.directory / LAST)

    def measure(self) -> tuple[float, float | None]:
        """Accuracy on the held-out images, and under what the recipe trains against."""
        return judged(self._judged, self.held_out, self.recipe, self.settings.seed)

    def _collapsed(self, robust: float | None) -> bool:
        """Whether single-step adversarial training has overfitted catastrophically (Wong et al. 2020)."""
        if self.recipe.adversary != "fgsm" or not self.history or self.adversary_steps >= MAX_GUARDED_STEPS:
            return False
        best = max(row.robust or 0.0 for row in self.history)
        assert robust is not None and self.settings.classes
        return best > 1.5 / self.settings.classes and robust < COLLAPSE * best

    def _save(self, row: EpochRow) -> None:
        facts: dict[str, Any] = {
            "validation": row.validation,
            "robust": row.robust,
            "best": kept(self.history).epoch,
        }
        if kept(self.history) == row:
            judged = {checkpoint.MODEL + name: value for name, value in self._judged.state_dict().items()}
            self._write(BEST, row.epoch, facts, judged)
        if self.settings.compile:
            facts[COMPILED] = self.stepping.forward.compiled
        facts |= {"adversary_steps": self.adversary_steps, "history": [list(row) for row in self.history]}
        self._write(LAST, row.epoch, facts, self._state())
        write_csv(self.directory / METRICS, self.history, resuming(self._home))

    def _write(self, name: str, epoch: int, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        checkpoint.write(
            self.directory / name, self.settings, epoch, facts, tensors, resuming(self._home), self.data
        )

    def _state(self) -> dict[str, Tensor]:
        tensors = {checkpoint.MODEL + name: value for name, value in self.model.state_dict().items()}
        tensors |= optimisers.state_of(self.optimiser, self.model.named_parameters())
        if self.average is not None:
            tensors |= {AVERAGE + name: value for name, value in self.average.model.state_dict().items()}
        return tensors

    def _restore(self, found: checkpoint.Checkpoint, keep_steps: bool = False) -> None:
        """Restore the state at the end of an epoch. Raises `EvonasError` if it belongs to another training."""
        searched = (self._home / DATABASE).exists()  # otherwise --run names the directory
        way_out = elsewhere(self._home) if searched else "choose a new directory with --run"
        if found.data is not None:
            require_training(found.data, self.data, str(found.path), self.settings.dataset, way_out)
        elif not keep_steps and self.group.leads:
            self.observer(Warned(unchecked(str(found.path))))
        different = self.settings.differences(found.settings, moved=found.data is not None)
        if different:
            raise EvonasError(f"{found.path} belongs to a training with {'; '.join(different)}; {way_out}")
        try:
            self.history = [EpochRow(*row) for row in found.facts["history"]]
            self._load(found.tensors, len(self.history) * self.steps)
            steps = int(found.facts["adversary_steps"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            text = " ".join(str(error).split())[:200]
            raise EvonasError(f"{found.path} cannot be continued: {text}") from None
        self.adversary_steps = self.adversary_steps if keep_steps else steps

    def _load(self, tensors: dict[str, Tensor], steps: int) -> None:
        def part(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

        self.model.load_state_dict(part(checkpoint.MODEL))
        if self.average is not None:
            self.average.model.load_state_dict(part(AVERAGE))
        optimisers.load(self.optimiser, self.model.named_parameters(), tensors, steps)

    def _interrupted(self) -> Interrupted:
        return Interrupted(
            f"interrupted after epoch {len(self.history)} of {self.recipe.epochs}; "
            f"finished epochs are saved. Resume with: {command('resume', self._home)}"
        )
