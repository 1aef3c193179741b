"""The winner of a run as its files have it: how it was trained and evaluated, and what it reached."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from evonas.core.events import Listener
from evonas.core.files import read_json
from evonas.core.shell import command
from evonas.core.signals import StopRequest
from evonas.evaluation.columns import columns_of, summarised, with_attacks
from evonas.evaluation.evaluate import columns_again
from evonas.evaluation.journal import Journal
from evonas.evaluation.result import Evaluation
from evonas.evaluation.settings import EvaluateSettings
from evonas.evaluation.stored import stored_in
from evonas.tabulating.job import VALIDATION
from evonas.tabulating.plan import Conditions
from evonas.training.images import known
from evonas.training.paths import DIRECTORY, RESULT
from evonas.training.retrainings import Retraining, retrainings
from evonas.training.settings import TrainSettings
from evonas.training.train_stage import settings_of
from spaces import Space, spaces
from spaces.errors import UsageError


@dataclass(frozen=True)
class Winner:
    """A trained and evaluated network. Raises `UsageError` for one that is not evaluated."""

    run: Path
    settings: TrainSettings
    evaluation: Evaluation

    @classmethod
    def of(cls, run: Path) -> Winner:
        """The winner of ``run``."""
        found = stored_in(run).content
        if found is None or found.settings is None:
            raise UsageError(f"{run} has no evaluation of its network; run: {command('evaluate', run)}")
        return cls(run, settings_of(run), found)

    @property
    def space(self) -> Space:
        return spaces[self.settings.space]

    @cached_property
    def genotype(self) -> Any:
        """As it was trained."""
        return self.space.parse(self.settings.genotype)

    @property
    def params(self) -> int:
        return self.space.params(self.genotype, self.settings.size)

    @property
    def flops(self) -> int:
        return self.space.flops(self.genotype, self.settings.size)

    @cached_property
    def conditions(self) -> Conditions:
        """Those of its training and of its evaluation. Reads the images."""
        return Conditions(self.settings, self.measured.resolve(), known(self.settings)[1])

    @property
    def measured(self) -> EvaluateSettings:
        """The settings of its evaluation, without what its columns do not need."""
        training = self.settings
        stored = EvaluateSettings.from_dict(self.evaluation.settings, training.device, training.data_dir)
        return dataclasses.replace(stored, dataset=None, checks=0, assess=(), certify=())

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of its finished and evaluated trainings."""
        several = self.evaluation.retrained
        return (self.settings.seed,) if several is None else several.seeds

    @property
    def columns(self) -> Mapping[str, tuple[float, ...]]:
        """Accuracies of its trainings by column, in the order of the seeds."""
        several = self.evaluation.retrained
        if several is None:
            trainings = [summarised(columns_of(self.evaluation))]
        else:
            spreads = several.columns.items()
            trainings = [{name: one.values[i] for name, one in spreads} for i in range(len(several.seeds))]
        found = [with_attacks(one) for one in trainings]
        return {name: tuple(one[name] for one in found) for name in found[0]}

    def rows(self) -> list[dict[str, float]]:
        """Every accuracy of each of its trainings, from what their evaluations have stored."""
        found = [{VALIDATION: _validation(self.run), **columns_of(self.evaluation)}]
        by_seed: dict[int, Retraining] = {one.seed: one for one in retrainings(self.run / DIRECTORY)}
        for seed in self.seeds[1:]:
            one = by_seed[seed]
            with Journal(one.journal) as journal:
                again = columns_again(one, self.conditions.evaluation, journal, Listener(), StopRequest())
            found.append({VALIDATION: _validation(one.run), **again})
        return found


def _validation(run: Path) -> float:
    return float((read_json(run / DIRECTORY / RESULT) or {}).get("validation", "nan"))
