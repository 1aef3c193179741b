"""What a table is made of, and what its trainings depend on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evonas.core.events import Observer, Warned, warning
from evonas.core.provenance import versions
from evonas.core.version import __version__
from evonas.evaluation.columns import CLEAN
from evonas.evaluation.corruptions import corruptions
from evonas.evaluation.settings import SMOOTHING, EvaluateSettings
from evonas.evaluation.severities import SEVERITIES
from evonas.evaluation.target import draw
from evonas.searching.resolve import resolve_scoring
from evonas.tables.latencies import columns_of
from evonas.tabulating.job import VALIDATION, Job
from evonas.tabulating.sample import sample
from evonas.tabulating.settings import TabulateSettings
from evonas.training.data_check import require_training
from evonas.training.data_identity import DataIdentity
from evonas.training.images import known
from evonas.training.known_images import KnownData
from evonas.training.settings import LEFT_OUT, TrainSettings
from spaces import spaces
from spaces.errors import UsageError

FORMAT = 1
OF_VERSIONS = ("python", "torch", "numpy")


def columns_for(evaluation: EvaluateSettings) -> list[str]:
    """The columns of accuracies that trainings have with these settings."""
    attacks = [f"{name}@Linf.eps{size:g}" for name in evaluation.attacks for size in sorted(evaluation.epsilons)]
    kinds = [name for name in corruptions if evaluation.corruptions]
    return [VALIDATION, CLEAN, *attacks, *(f"{name}.s{severity}" for name in kinds for severity in SEVERITIES)]


@dataclass(frozen=True)
class Conditions:
    """What trainings have in common: everything that they depend on, except genotype and seed."""

    training: TrainSettings  # resolved, of any genotype
    evaluation: EvaluateSettings  # resolved
    data: KnownData

    @property
    def columns(self) -> list[str]:
        """The columns of accuracies."""
        return columns_for(self.evaluation)

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that a training depends on, except its genotype and seed, in the types of JSON."""
        trained = self.training.that_count
        del trained["genotype"], trained["seed"]
        if trained["dataset"].startswith("folder:"):
            trained["dataset"] = "folder:"  # wherever it lies
        evaluated = self.evaluation.as_dict()
        for name in ("device", "dataset", "other_data", "assess", "autoattack", "certify", *SMOOTHING):
            del evaluated[name]
        evaluated["attacks"] = [attack.settings() for attack in self.evaluation.chosen().values()]
        return json.loads(
            json.dumps(
                {
                    "format": FORMAT,
                    "training": trained,
                    "evaluation": evaluated,
                    "versions": {"evonas": __version__} | {name: versions()[name] for name in OF_VERSIONS},
                    "device": self.training.device.partition(":")[0],
                    "data": self.data.identity.as_json(),
                }
            )
        )

    def require(self, begun: Mapping[str, Any], table: str, advice: str = "choose another --out") -> None:
        """Raises `EvonasError` with ``advice`` unless ``begun`` is the identity of these trainings."""
        try:
            identity = DataIdentity.from_json(begun["data"])
            dataset, here = self.training.dataset, self.identity
            require_training(KnownData(identity, {}), self.data, table, dataset, advice)
            different = [
                f"{name} {then.get(name)}, not {now.get(name)}"
                for part in ("training", "evaluation", "versions")
                for then, now in [(LEFT_OUT | begun[part], LEFT_OUT | here[part])]
                for name in now | then
                if then.get(name) != now.get(name)
            ]
            different += [f"device {begun['device']}, not {here['device']}"] * (begun["device"] != here["device"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise UsageError(f"{table} was begun by another version of evonas; {advice}") from error
        if different:
            raise UsageError(f"{table} was begun with {'; '.join(different)}. {advice[0].upper()}{advice[1:]}")


@dataclass(frozen=True)
class Plan(Conditions):
    """Settings with every default filled in, and all trainings in the order of the table."""

    settings: TabulateSettings
    jobs: tuple[Job, ...]
    params: Mapping[str, int]  # by genotype
    flops: Mapping[str, int]

    @property
    def latencies(self) -> list[str]:
        """The columns of latencies."""
        return [name for one in self.settings.latencies for name in columns_of(one.protocol)]

    def require_jobs(self, known: Iterable[Job], table: str) -> None:
        """Raises `UsageError` if some of the finished trainings ``known`` are not in the table."""
        others = {*known} - {*self.jobs}
        if others:
            raise UsageError(
                f"{table} has {len(others)} trainings of another sample, and a sample can only grow: use its "
                "--seed with the same or a larger --sample and --seeds, or choose another --out"
            )


def plan_of(settings: TabulateSettings, observer: Observer) -> Plan:
    """The genotypes and their trainings. Raises `UsageError` for settings that do not fit space or images."""
    searched, space = resolve_scoring(settings.search()), spaces[settings.space]
    genotypes = sample(settings, searched)
    texts = [str(genotype) for genotype in genotypes]
    asked = settings.training(texts[0])
    for text in (*asked.doubts, *settings.evaluation().doubts):
        observer(Warned(text))
    training, evaluation = asked.resolve(warning(observer)), settings.evaluation().resolve()
    _, data = known(training)
    draw(evaluation.images, data.identity.test.count, evaluation.seed)  # refuses too many
    several = len(texts) if settings.seeds_for is None else settings.seeds_for
    jobs = tuple(
        Job(text, settings.seed + number)
        for place, text in enumerate(texts)
        for number in range(settings.seeds if place < several else 1)
    )
    params = {text: space.params(one, training.size) for text, one in zip(texts, genotypes, strict=True)}
    flops = {text: space.flops(one, training.size) for text, one in zip(texts, genotypes, strict=True)}
    return Plan(training, evaluation, data, settings, jobs, params, flops)
