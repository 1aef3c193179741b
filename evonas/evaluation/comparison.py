"""Comparison of evaluated networks with each other and with published results."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from evonas.core.shell import command
from evonas.evaluation.conditions import Conditions, conditions_of, dataset_of
from evonas.evaluation.published import PROTOCOL, TABLE_3
from evonas.evaluation.rates import Rate
from evonas.evaluation.result import Evaluation
from evonas.evaluation.retrained import Retrained
from evonas.evaluation.stored import stored
from evonas.evaluation.target import locate
from evonas.evaluation.tested import Tested
from evonas.store.queries import DATABASE
from evonas.store.run import Run
from evonas.training import checkpoint
from evonas.training.settings import TrainSettings
from spaces import spaces
from spaces.errors import UsageError


@dataclass(frozen=True)
class ComparedRow:
    """One network; accuracies from 0 to 1, params as a count, None if not measured."""

    name: str
    dataset: str
    params: float
    seconds: float | None  # of the search that found it
    clean: float
    clean_ci95: tuple[float, float] | None
    corruptions: float | None
    fgsm: float | None
    fgsm_ci95: tuple[float, float] | None
    hrs: float | None  # of clean and FGSM
    protocol: str
    published: bool = False
    pgd: float | None = None
    pgd_ci95: tuple[float, float] | None = None
    training: str = ""  # recipe, epochs, seed and size
    conditions: Conditions = field(default_factory=lambda: Conditions(""))
    assessments: dict[str, Rate] = field(
        default_factory=dict
    )  # others by name and label, as attacks at one epsilon
    retrained: Retrained | None = None  # over further trainings
    group: int = 1  # rows of one group were measured under equal conditions; rows of two are not ranked

    def as_json(self) -> dict[str, Any]:
        """Its fields by name."""
        found = asdict(self)
        found["assessments"] = {name: rate.as_json() for name, rate in self.assessments.items()}
        del found["retrained"]
        return found if self.retrained is None else {**found, "retrained": self.retrained.as_json()}


def compare(targets: list[Path], other_data: bool = False) -> list[ComparedRow]:
    """A row for each evaluated run or checkpoint, then the published rows of its data set.

    Raises `UsageError` for a network whose present weights were not evaluated, and for two that were evaluated on
    other classes or labels of one data set or, without ``other_data``, on other images of it; `EvonasError` for an
    evaluation that cannot be read.
    """
    if not targets:
        raise UsageError("pass at least one run or checkpoint")
    tested: dict[str, Tested] = {}  # by data set, the first network that was evaluated on it
    rows = []
    for target in targets:
        found, trained = _stored(target)
        now = Tested.of(str(target), found, trained)
        if now is not None:
            tested.setdefault(now.dataset, now).require(now, other_data)
        rows.append(_row(target, found, trained))
    datasets = dict.fromkeys(row.dataset for row in rows)
    rows += [row for dataset in datasets for row in _published(dataset)]
    groups = list(dict.fromkeys((row.published, row.conditions) for row in rows))
    return [replace(row, group=1 + groups.index((row.published, row.conditions))) for row in rows]


def _stored(target: Path) -> tuple[Evaluation, TrainSettings]:
    place = locate(target, "compare")
    found = stored(place)
    if found.note:
        raise UsageError(found.note)
    if found.content is None:
        raise UsageError(f"{target} is not evaluated yet; run: {command('evaluate', target)}")
    return found.content, checkpoint.load(place.checkpoint).settings


def _row(target: Path, found: Evaluation, trained: TrainSettings) -> ComparedRow:
    space = spaces[trained.space]
    fgsm, pgd, corruptions = found.headline.get("fgsm"), found.headline.get("pgd"), found.corruptions
    training = f"{trained.recipe} {trained.chosen.epochs} epochs, seed {trained.seed}"
    protocol = f"{training}, {found.clean.n} test images"
    about = f"; {found.remark}" if found.remark else ""
    if fgsm is not None:
        protocol += f", FGSM {fgsm.epsilon:g}/255"
    if corruptions is not None:
        protocol += f", corruptions {corruptions.source}"
    return ComparedRow(
        name=str(target),
        dataset=dataset_of(found, trained),
        params=space.params(space.parse(trained.genotype), trained.size),
        seconds=_search_seconds(target),
        clean=found.clean.accuracy,
        clean_ci95=found.clean.interval,
        corruptions=None if corruptions is None else corruptions.mean,
        fgsm=None if fgsm is None else fgsm.rate.accuracy,
        fgsm_ci95=None if fgsm is None else fgsm.rate.interval,
        hrs=found.hrs.get("fgsm"),
        protocol=f"{protocol}, C={trained.channels}, L={trained.layers}{about}",
        pgd=None if pgd is None else pgd.rate.accuracy,
        pgd_ci95=None if pgd is None else pgd.rate.interval,
        training=f"{training}, C={trained.channels}, L={trained.layers}{about}",
        assessments={
            f"{name} {label}": rate
            for name, outcome in found.assessments.items()
            for label, rate in list(outcome.rates.items())[: _columns(found, name)]
        },
        conditions=conditions_of(found, trained),
        retrained=found.retrained,
    )


def _columns(found: Evaluation, name: str) -> int | None:
    """How many rates of an assessment are compared: one at an epsilon, at radius 0 and the next one, or all."""
    return 1 if name in found.certified else 2 if name in found.smoothed else None


def _search_seconds(target: Path) -> float | None:
    if not (target / DATABASE).is_file():
        return None
    with Run.read(target) as store:
        return sum(row.seconds for row in store.generations())


def _published(dataset: str) -> list[ComparedRow]:
    return [
        ComparedRow(
            name=row.method,
            dataset=dataset,
            params=row.params * 1e6,
            seconds=row.seconds,
            clean=row.clean / 100,
            clean_ci95=None,
            corruptions=row.corruptions / 100,
            fgsm=row.fgsm / 100,
            fgsm_ci95=None,
            hrs=row.hrs / 100,
            protocol=PROTOCOL,
            published=True,
            training=PROTOCOL,
            conditions=Conditions(dataset, attacks=("fgsm",)),
        )
        for row in TABLE_3.get(dataset, ())
    ]
