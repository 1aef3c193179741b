"""Trains and evaluates networks, as an engine maps it."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from evonas.core.atomic_files import make_directory
from evonas.core.events import Event, Listener, Message, Observer, announcing
from evonas.core.signals import stop_requests
from evonas.data import source
from evonas.evaluation.columns import columns_of
from evonas.evaluation.evaluate import evaluate_subject, subject_for
from evonas.evaluation.journal import Journal
from evonas.evaluation.settings import EvaluateSettings
from evonas.tabulating.job import VALIDATION, Job, Outcome, failure
from evonas.training import checkpoint
from evonas.training.data_check import SAME, EvaluatedData, require_training
from evonas.training.data_identity import DataIdentity
from evonas.training.held_out import Measured
from evonas.training.images import TrainingData, known, read
from evonas.training.known_images import KnownData
from evonas.training.parallel import Group
from evonas.training.settings import TrainSettings
from evonas.training.training import Training

JOURNAL = "evaluation.db"


@dataclass(frozen=True, eq=False)
class Data:
    """The images of a table, read once in a process."""

    training: TrainingData
    measured: Measured


@dataclass(frozen=True, eq=False)
class Trainer:
    """Trains and evaluates every network in the same way, on one thread of a CPU or one GPU."""

    table: str
    training: TrainSettings  # resolved, of any genotype
    evaluation: EvaluateSettings  # resolved
    identity: DataIdentity
    work: Path | None  # where unfinished trainings are kept; None: nowhere
    tell: Observer = field(default_factory=Listener)  # hears messages

    def __getstate__(self) -> dict[str, Any]:
        """Without images and observer: a worker reads the former itself."""
        return {one.name: getattr(self, one.name) for one in dataclasses.fields(self)} | {"tell": Listener()}

    def __call__(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """The outcomes of ``jobs``. Raises `EvonasError` for other images than those of the table."""
        for job in jobs:
            yield self._outcome(job, self.data)

    @cached_property
    def data(self) -> Data:
        """The images. Raises `EvonasError` if they are not those that the table was begun with."""
        everything, here = known(self.training)
        dataset = self.training.dataset
        require_training(KnownData(self.identity, {}), here, self.table, dataset, "choose another --out")
        images = read(source(dataset, self.training.data_dir, self.training.image_size), "test")
        tested = EvaluatedData(SAME, self.identity.classes, asdict(self.identity.test))
        return Data(TrainingData(everything, here), Measured(images, tested))

    def settings(self, job: Job) -> TrainSettings:
        """The settings of one training, those of ``evonas train`` with the same options and seed."""
        return dataclasses.replace(self.training, genotype=job.genotype, seed=job.seed)

    def discard(self, job: Job) -> None:
        """Remove the files of a training that is kept in a journal."""
        if self.work is not None:
            shutil.rmtree(self.work / job.key, ignore_errors=True)

    def _outcome(self, job: Job, data: Data) -> Outcome:
        started = time.perf_counter()
        values: dict[str, float] = {}
        reason, final = "", True
        try:
            with one_thread(self.training.device), self._directory(job) as directory:
                values = self._accuracies(job, directory, data)
        except Exception as error:
            reason, final = failure(error)
        return Outcome(job, values, reason, time.perf_counter() - started, final)

    def _accuracies(self, job: Job, directory: Path, data: Data) -> dict[str, float]:
        make_directory(directory / "train")
        hear = _Messages(self.tell)
        trained = Training(directory / "train", self.settings(job), hear, Group(), data.training).run()
        found = checkpoint.load(trained.checkpoint)
        with Journal(directory / JOURNAL) as journal, stop_requests(announcing(hear)) as stop:
            part = subject_for(found, self.evaluation, journal, Listener(), stop, measured=data.measured)
            evaluation = evaluate_subject(part.subject, self.evaluation, part.source, part.chosen)
        return {VALIDATION: trained.best.validation, **columns_of(evaluation)}

    @contextmanager
    def _directory(self, job: Job) -> Iterator[Path]:
        if self.work is not None:
            yield self.work / job.key
            return
        with TemporaryDirectory(prefix="evonas-") as place:
            yield Path(place)


@dataclass(frozen=True)
class _Messages:
    """Passes on messages alone."""

    tell: Observer

    def __call__(self, event: Event) -> None:
        if isinstance(event, Message):
            self.tell(event)


@contextmanager
def one_thread(device: str) -> Iterator[None]:
    """Within the block a CPU computes in one thread, on which last digits depend."""
    before = torch.get_num_threads()
    if device == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
