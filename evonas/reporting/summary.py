"""The summary of a run directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.core.files import read_json
from evonas.evaluation.controls import Comparison, controls_in
from evonas.evaluation.result import Evaluation
from evonas.evaluation.stored import stored_in
from evonas.reporting.training_summary import TrainingSummary, holds_training, summarise_training
from evonas.store.hash_chain import CONDITIONS
from evonas.store.headline import LATEST, picked
from evonas.store.individual import Individual
from evonas.store.length import ended
from evonas.store.objective import Objective
from evonas.store.run import Run
from evonas.store.schema import GenerationRow, seconds_per_generation
from evonas.store.settings import SearchSettings
from evonas.training.artefacts import require_directory
from evonas.training.data_identity import data_in_words
from evonas.training.plan import plan_of
from evonas.training.standings import Standing, standings


@dataclass(frozen=True)
class Summary:
    """A summary of a run, finished or not."""

    path: Path
    settings: SearchSettings
    versions: dict[str, str]
    created: str
    stage: str
    generation: int  # -1: the first population is not complete
    evaluations: int
    cache_hits: int
    failures: int
    seconds_per_evaluation: float | None
    best: Individual | None
    edits: int | None  # births from a random ancestor to the best genotype, each one edit in regularised evolution
    measured: dict[str, float]  # what a limit measured of the best genotype
    members: list[dict[str, Any]]  # proxies of a composite, with their statistics and scores of the best genotype
    history: list[GenerationRow]
    objectives: tuple[Objective, ...]
    front: list[Individual]  # of several objectives
    hypervolume: list[float | None]  # after each generation of ``history``; of several objectives
    finalists: list[Standing]  # that competed so far
    trained: dict[str, Any] | None  # train/result.json, once the best genotype is trained
    evaluation: Evaluation | None  # once it is evaluated
    controls: Comparison | None  # once it is compared with random genotypes of its size
    note: str  # why an existing evaluation.json is ignored
    latest: bool = False  # ``best`` is the latest birth instead, as the algorithm has it

    @property
    def seconds_per_generation(self) -> float | None:
        """The mean time of a generation after the first population."""
        return seconds_per_generation(self.history)

    @property
    def data(self) -> str:
        """Classes and digests of the images that the network was trained on; empty where they are not known."""
        return data_in_words(self.trained)

    def as_json(self) -> dict[str, Any]:
        """The JSON object that ``evonas show --json`` prints."""
        best = self.best and {
            "genotype": str(self.best.genotype),
            **{name: getattr(self.best, name) for name in ("score", "params", "flops")},
            **({"measured": self.measured} if self.measured else {}),
        }
        history = [
            {name: getattr(row, name) for name in ("generation", "best", "mean", "std", "best_so_far")}
            for row in self.history
        ]
        several: dict[str, Any] = {}
        if len(self.objectives) > 1:
            several["objectives"] = [objective._asdict() for objective in self.objectives]
            several["pick"] = picked(self.objectives, self.settings.pick)
            several["front"] = [one.as_json() for one in self.front]
            for row, volume in zip(history, self.hypervolume, strict=True):
                row["hypervolume"] = volume
        return {
            "run": str(self.path),
            "stage": self.stage,
            "generation": self.generation,
            "evaluations": self.evaluations,
            "cache_hits": self.cache_hits,
            "failures": self.failures,
            "seconds_per_evaluation": self.seconds_per_evaluation,
            **({"headline": LATEST} if self.latest else {}),
            "best": best,
            "edits": self.edits,
            "members": self.members,
            "history": history,
            **several,
            "finalists": [one._asdict() for one in self.finalists],
            "trained": self.trained,
            "evaluation": None if self.evaluation is None else self.evaluation.as_json(),
            **({} if self.controls is None else {"controls": self.controls.as_json()}),
            "note": self.note or None,
            "settings": json.loads(self.settings.to_json()),
        }


def summarise(run: str | Path) -> Summary | TrainingSummary:
    """The summary of a run directory, even while another process works on it."""
    require_directory(Path(run), "show")
    if holds_training(Path(run)):
        return summarise_training(Path(run))
    with Run.read(Path(run)) as store:
        return summary_of(store)


def summary_of(store: Run) -> Summary:
    """The summary of an open run."""
    path, settings = store.path, store.settings
    history = store.generations()
    last = history[-1] if history else None
    generation, evaluations = (last.generation, last.evaluations) if last else (-1, 0)
    several = len(store.objectives) > 1
    front = store.front() if several else []
    best, measured = store.best(), stored_in(path)
    return Summary(
        path=path,
        settings=settings,
        versions=store.fact("versions"),
        created=store.meta("created") or "",
        stage=_stage(
            store, ended(settings, generation, evaluations), best is not None, measured.content is not None
        ),
        generation=generation,
        evaluations=evaluations,
        cache_hits=last.cache_hits if last else 0,
        failures=store.failures(),
        seconds_per_evaluation=store.seconds_per_evaluation(),
        best=best,
        edits=None if best is None else store.edits(best.birth),
        measured=_measured(store, best),
        members=_members(store, best),
        history=history,
        objectives=store.objectives,
        front=front,
        hypervolume=_hypervolume(store)[: len(history)] if several else [],
        finalists=standings(path),
        trained=read_json(path / "train" / "result.json"),
        evaluation=measured.content,
        controls=None if measured.content is None else controls_in(path),
        note=measured.note,
        latest=store.is_latest,
    )


def _stage(store: Run, searched: bool, found: bool, evaluated: bool) -> str:
    """The present or last finished stage: search, searched, training, trained or evaluated."""
    if not searched:
        return "search"
    if evaluated and (store.path / "train" / "result.json").exists():
        return "evaluated"
    for file, stage in (("train/result.json", "trained"), ("train", "training")):
        if (store.path / file).exists():
            return stage
    return "training" if found and plan_of(store) is not None else "searched"


def _hypervolume(store: Run) -> list[float | None]:
    from evonas.searching.hypervolume import hypervolumes  # a search with one objective needs no NumPy

    return hypervolumes(store)


def _measured(store: Run, best: Individual | None) -> dict[str, float]:
    """The measured values of the best genotype that are not objectives."""
    names = [name for name in store.fact(CONDITIONS) if best is not None and name not in best.values]
    found = {name: store.measurement(best.key, name) for name in names} if best is not None else {}
    return {name: one.value for name, one in found.items() if one is not None and one.value is not None}


def _members(store: Run, best: Individual | None) -> list[dict[str, Any]]:
    if not {"+", "*"} & set(store.settings.fitness):
        return []  # a single proxy does not need `fitness`, which takes seconds to import
    from evonas.searching.measure import Measure

    return Measure(store).members(best.key if best else None)
