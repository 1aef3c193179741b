"""Seeded defects of one line each: the pretended card finds every one, with its file and line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from evonas.core.events import unwatched
from evonas.evaluation import corruptions
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.attacks.pgd import PGD
from evonas.evaluation.certificates.base import CertificateOptions
from evonas.evaluation.corruptions import jpeg_compression
from evonas.evaluation.registered import certificates
from evonas.evaluation.subject import Subject
from evonas.training import adversary, augment, ema, measure, step, training
from evonas.training.images import Images, TrainingData
from evonas.training.parallel import Group
from evonas.training.settings import TrainSettings
from evonas.training.training import Training
from fitness import Task, croze_autograd, passes, proxies, transfer, upload
from fitness.bounds import certify
from spaces import spaces
from spaces.darts.network import DartsNetwork
from spaces.skeleton import network as skeleton
from tests.fitness.bounded import network
from tests.pretended import Log, card
from tests.pretended.mutations import mutate
from tests.pretended.test_paths import PUBLISHED, between_steps, genotypes, task

Work = Callable[[Log, Path], list[str]]  # places of waits and uploads that should not be there


def train(log: Log, directory: Path, mapped: bool = False) -> list[str]:
    pixels = torch.randint(0, 256, (16, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    numbers = {"epochs": 2, "batch_size": 4, "cutout": 4, "drop_path": 0.3, "ema": 0.9, "adversary": "pgd"}
    settings = TrainSettings(
        PUBLISHED,
        channels=2,
        layers=1,
        image_size=16,
        overrides={**numbers, "steps": 1},
        validation=4,
        device="cuda",
    ).resolve()
    rows = torch.arange(16) if mapped else None
    data = TrainingData(Images(pixels, torch.arange(16) % 10, rows), None)  # type: ignore[arg-type]
    return between_steps(Training(directory, settings, unwatched, Group(), data), log)[-1]


def train_mapped(log: Log, directory: Path) -> list[str]:
    return train(log, directory, mapped=True)


def validate(log: Log, directory: Path) -> list[str]:
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2)).to("cuda")
    images = Images(torch.zeros(3, 3, 4, 4, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)).to("cuda")
    measure.accuracy(model, images)
    return []


def score(name: str) -> Work:
    def work(log: Log, directory: Path) -> list[str]:
        (one,) = genotypes("nasbench201", 1)
        proxies[name].function(one, task("cuda", "nasbench201"))
        found = log.waits + log.uploads
        return [place for place, count in found.items() if count > 20]

    return work


def attack(log: Log, directory: Path) -> list[str]:
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2)).to("cuda")
    images, labels = torch.rand(2, 3, 4, 4).to("cuda"), torch.zeros(2, dtype=torch.int64).to("cuda")
    PGD(steps=2)(model, images, labels, 8.0, Draws.of(0, 0, 2))
    return []


def degrade(log: Log, directory: Path) -> list[str]:
    corruptions.corrupt(torch.zeros(1, 3, 16, 16, dtype=torch.uint8).to("cuda"), "jpeg_compression", 1)
    return []


def certify_one(log: Log, directory: Path) -> list[str]:
    model = network(spaces["nasbench201"], seed=0).float().to("cuda")
    subject = Subject(
        model, torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64), device="cuda"
    )
    certificates["crown-ibp"].from_options(CertificateOptions((1.0,))).require(subject)
    subject.correct(*subject.load(torch.arange(1)))
    return []


class Defect(NamedTuple):
    """``old`` becomes ``new`` in the function ``name`` of ``owner``; seen in ``place`` during ``work``."""

    owner: Any
    name: str
    old: str
    new: str
    work: Work
    place: str = ""  # regular expression; by default the line itself
    importers: tuple[Any, ...] = ()


STEPS = r"evonas/training/training\.py:\d+ _steps"
DEFECTS = {
    "training labels on the CPU": Defect(
        *(Images, "to", "(device), self.labels.to(device))", "(device), self.labels)", train),
        r"training/attack_steps\.py:\d+ gradient",
    ),
    "indices on the CPU": Defect(
        *(Images, "placed", "order.to(self.device)", "order", train),
        STEPS + r" \[indices\]",
    ),
    "indices of mapped images on the device": Defect(
        *(Images, "placed", "on_device if self.rows is None else order", "on_device", train_mapped),
        r"evonas/training/images\.py:\d+ pixels",
    ),
    "mapped images in memory that is not pinned": Defect(
        *(Images, "pixels", "dtype=self.images.dtype, pin_memory=True", "dtype=self.images.dtype", train_mapped),
        r"evonas/training/images\.py:\d+ pixels",
    ),
    "an upload of mapped images that waits": Defect(
        Images, "pixels", "self.device, non_blocking=True", "self.device", train_mapped
    ),
    "sums on the CPU": Defect(
        *(Training, "_learn", "torch.float64, device=device", "torch.float64", train),
        r"evonas/training/training\.py:\d+ step",
    ),
    "loss read in each step": Defect(
        Training, "_steps", "% STEPS_BETWEEN_CHECKS", "% 1", train, "_require_finite"
    ),
    "item in a step": Defect(step.Step, "__call__", "loss.backward()", "loss.backward(); loss.item()", train),
    "a clipping that waits": Defect(
        *(step.Step, "__call__", "(), self.recipe.clip)", "(), self.recipe.clip, error_if_nonfinite=True)", train)
    ),
    "generator of another device": Defect(
        *(augment, "draw", "(count,), generator=generator", "(count,), generator=generator, device=device", train),
        *("", (training,)),
    ),
    "start of an attack on the CPU": Defect(
        *(adversary, "perturb", "torch.empty_like(part)", "torch.empty(part.shape)", train),
        *(r"evonas/training/adversary\.py:\d+ perturb", (step,)),
    ),
    "average on the CPU": Defect(
        *(ema.MovingAverage, "__init__", "copy.deepcopy(model)", "copy.deepcopy(model).cpu()", train),
        r"evonas/training/ema\.py:\d+ update",
    ),
    "mask of dropped paths on the CPU": Defect(
        *(skeleton, "drop_path", "dtype=x.dtype, device=x.device", "dtype=x.dtype", train),
        r"spaces/skeleton/network\.py:\d+ drop_path",
    ),
    "probability uploaded in each step": Defect(
        *(DartsNetwork, "drop_path_prob", "self._compiled_prob.fill_(value)"),
        *("self._compiled_prob = torch.tensor(value, device=self._compiled_prob.device)", train),
    ),
    "NumPy in a validation": Defect(
        *(
            measure,
            "accuracy",
            "correct(model, pixels, labels).sum()",
            "correct(model, pixels, labels).numpy().sum()",
        ),
        validate,
    ),
    "network on the CPU": Defect(
        *(Task, "network", "return uploaded(network, self.device, self.dtype)", "return network"),
        *(score("grad-norm"), r"(fitness|spaces)/[\w/]+\.py:\d+"),
    ),
    "labels of a score on the CPU": Defect(
        *(Task, "images_and_labels", "batch.labels.to(self.device)", "batch.labels"),
        *(score("grad-norm"), r"fitness/[\w/]+\.py:\d+"),
    ),
    "item in a loop over layers": Defect(
        *(transfer, "numbers", "torch.stack(rows).tolist()", "[row.item() for row in rows]", score("croze"), ""),
        (croze_autograd, passes),
    ),
    "weights uploaded one by one": Defect(
        *(
            upload,
            "_move",
            "torch.cat(rows).to(device, dtype)",
            "torch.cat([row.to(device, dtype) for row in rows])",
        ),
        score("grad-norm"),
    ),
    "noise of an attack on the CPU": Defect(
        PGD, "perturb", ".to(images)", "", attack, r"attacks/pgd\.py:\d+ perturb"
    ),
    "table of a corruption on the CPU": Defect(
        *(jpeg_compression, "_lossy", "dtype=torch.float64, device=plane.device", "dtype=torch.float64", degrade),
        r"corruptions/jpeg_compression\.py:\d+ _lossy",
    ),
    "rows of a certificate on the CPU": Defect(
        *(certify, "_margin_rows", "dtype=like.dtype, device=like.device", "dtype=like.dtype", certify_one),
        r"bounds/certify\.py:\d+ _margin_rows",
    ),
    "labels on another card": Defect(
        *(
            Subject,
            "load",
            "self.labels[indices].to(self.device)",
            'self.labels[indices].to("cuda:1")',
            certify_one,
        ),
        r"(fitness|evonas)/[\w/]+\.py:\d+",
    ),
}


@pytest.mark.parametrize("name", list(DEFECTS))
def test_a_seeded_defect_is_found_with_its_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, function, old, new, work, place, importers = DEFECTS[name]
    with card(2) as log:
        log.clear()
        line = mutate(monkeypatch, owner, function, old, new, *importers)
        try:
            found = work(log, tmp_path)
        except (RuntimeError, TypeError) as error:
            found = re.findall(r"\b(?:at |\()?((?:evonas|fitness|spaces)/[^)]+)", str(error))
    expected = place or rf"{Path(inspect.getfile(owner)).name}:{line} "
    assert any(re.search(expected, one) for one in found), (expected, found)


@pytest.mark.parametrize(
    "work", [train, train_mapped, validate, score("grad-norm"), score("croze"), attack, degrade, certify_one]
)
def test_without_a_defect_nothing_is_found(work: Work, tmp_path: Path) -> None:
    with card(2) as log:
        assert work(log, tmp_path) == []
