"""Checks whether the results of a run can be reproduced."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from evonas.core.devices import pick
from evonas.core.events import Listener, Message, Observer
from evonas.evaluation.target import BEST
from evonas.searching.resolve import PLACES, changed
from evonas.store.queries import DATABASE
from evonas.store.run import Run
from evonas.store.settings import SearchSettings
from evonas.training.artefacts import require_directory
from evonas.training.paths import DIRECTORY, RESULT
from evonas.training.train_stage import settings_of
from evonas.verification import environment
from evonas.verification.controls import controlled
from evonas.verification.evaluation import measured
from evonas.verification.finding import Finding, Rescored, Verification, judged
from evonas.verification.lineage import lineage
from evonas.verification.replay import compare
from evonas.verification.scores import rescored
from evonas.verification.training import trained, trained_again
from spaces.errors import EvonasError, UsageError

SAMPLE = 10
EVALUATION = "evaluation.json"


def verify(
    run: Path,
    sample: int = SAMPLE,
    seed: int = 0,
    device: str | None = None,
    data_dir: str | None = None,
    observer: Observer | None = None,
    dataset: str | None = None,
    **moved: Any,
) -> Verification:
    """Verify search, scores, training and evaluation of a run, without changing it.

    ``dataset`` is the path that a folder of images was moved to; ``moved`` has ``proxy``, ``objectives`` and
    ``constraints`` with the new places of tables.
    ``sample`` scores and about as many entries of the evaluation are recomputed, drawn by ``seed``.
    A damaged file is a finding. Raises `UsageError` for a directory that is not a run, and if the run was not
    searched by what was ``moved``.
    """
    if type(sample) is not int or sample < 1:
        raise UsageError(f"--sample must be a positive number of scores, not {sample!r}")
    require_directory(run, "verify")
    observer = Listener() if observer is None else observer
    told = [file for file in (Path(DIRECTORY) / RESULT, Path(EVALUATION)) if (run / file).is_file()]
    if not (run / DATABASE).is_file() and not told:
        Run.read(run).close()  # the error names what is missing
    settings = _moved(run, moved)
    findings: list[Finding] = []
    scores: tuple[Rescored, ...] = ()
    reasons: list[str] = []
    with ExitStack() as stack:
        store: Run | None = None
        if (run / DATABASE).is_file():
            try:
                store = stack.enter_context(Run.read(run))
                settings = store.settings if settings is None else settings
                findings += [*compare(store, settings), lineage(store, seed), *_seals(store)]
                observer(Message(f"recomputing {sample} scores"))
                reasons += environment.of_search(store, _here(device, store.settings.device))
                options = {"device": device, "data_dir": data_dir, "dataset": dataset, **moved}
                found, scores = rescored(store, settings, sample, seed, tuple(reasons), options)
                findings += found
            except EvonasError as error:
                findings.append(judged("search", DATABASE, str(error), ""))
        if not (run / BEST).is_file():
            findings += [judged("training", BEST.name, f"it is missing, but {file} exists", "") for file in told]
        else:
            try:
                here = _here(device, settings_of(run).device)
                observer(Message("classifying the test images again"))
                more = environment.of_file(run / DIRECTORY / RESULT, "the training", here)
                findings += trained(run, store, more, here, data_dir, dataset)
                findings += trained_again(run, more, here, data_dir, dataset)
                more += environment.of_file(run / EVALUATION, "the evaluation", here)
                findings += measured(run, sample, seed, device, data_dir, observer, dataset)
                findings += controlled(run)
                reasons += more
            except EvonasError as error:
                findings.append(judged("training", DIRECTORY, str(error), ""))
    return Verification(run, tuple(findings), scores, tuple(dict.fromkeys(reasons)))


def _moved(run: Path, places: dict[str, Any]) -> SearchSettings | None:
    """The settings of a search whose tables are at other ``places``; None if none is named."""
    if not (given := {name: value for name, value in places.items() if value}):
        return None
    with Run.read(run) as store:
        stored = store.settings
    found = changed(stored, given)
    return dataclasses.replace(stored, **{name: getattr(found, name) for name in PLACES})


def _seals(store: Run) -> list[Finding]:
    """Checks the seals of a run, if its format has them."""
    try:
        sealed, wrong = store.check_seals()
    except EvonasError as error:
        sealed, wrong = True, str(error)
    return [judged("search", "seals", wrong, "no generation has changed")] if sealed else []


def _here(asked: str | None, recorded: str) -> str:
    """The requested device, else the recorded one, else the available one."""
    if asked is not None:
        return pick(asked)
    try:
        return pick(recorded)
    except EvonasError:
        return pick("auto")
