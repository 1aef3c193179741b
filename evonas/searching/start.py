"""Starts a search from settings or a run directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from evonas.core.events import Observer, Warned, announcing, unwatched, warning
from evonas.core.memory_errors import memory_reported
from evonas.core.provenance import FACT as MACHINES
from evonas.core.provenance import machine, noted, versions
from evonas.core.shell import command
from evonas.core.signals import resumable
from evonas.engine import Engine, InProcess
from evonas.searching.algorithms import algorithms
from evonas.searching.constraint import constraints_of
from evonas.searching.images import (
    DATA,
    described,
    fingerprint,
    images_for,
    images_of,
    require_constraints,
    with_batch,
)
from evonas.searching.loop import Search
from evonas.searching.made import result_of
from evonas.searching.measurements import conditions, doubts, require_conditions
from evonas.searching.objectives.latency import require_repeated, require_used
from evonas.searching.objectives.named import fitness_for
from evonas.searching.options import with_options
from evonas.searching.resolve import PLACES, changed, resolve
from evonas.searching.result import SearchResult
from evonas.searching.training_images import require_training_images, training_images
from evonas.store.length import ended
from evonas.store.objective import facts_of
from evonas.store.paths import default_path
from evonas.store.queries import DATABASE, Records
from evonas.store.rewind import rewind
from evonas.store.run import Run
from evonas.store.settings import SearchSettings
from fitness import Batch
from spaces import EvonasError, UsageError, spaces


def search(
    settings: SearchSettings,
    run: str | Path | None = None,
    observer: Observer | None = None,
    engine: Engine | None = None,
    facts: Mapping[str, str] | None = None,
) -> SearchResult:
    """Start a search and store it in the directory ``run`` (default ``runs/<date>-...``).

    ``facts`` are stored with the run from the start. Scores are computed by ``engine``, by default in this
    process; the engine does not change the result.
    Raises `EvonasError` or `UsageError` with one message; `Interrupted` after SIGINT or SIGTERM, with finished
    work saved.
    """
    settings = with_options(resolve(settings))
    observer = unwatched if observer is None else observer
    fitness = fitness_for(settings)
    constraints = constraints_of(settings)
    require_used(settings.latency_command, (*fitness.parts, *(one.fitness for one in constraints)))
    for part in (fitness, *(one.fitness for one in constraints)):
        for text in part.check(spaces[settings.space]):
            observer(Warned(text))
    for text in (*doubts(settings), *algorithms[settings.algorithm].check(settings)):
        observer(Warned(text))
    images = images_for([fitness], settings, warning(observer))
    settings = with_batch(settings, images)
    facts = {"batch": fingerprint(images), "versions": json.dumps(versions()), **(facts or {})}
    identity = fitness.identity() | {one.text: one.fitness.identity() for one in constraints}
    facts["proxies"] = json.dumps(identity)
    facts |= facts_of(fitness.objectives, settings.proxy) | conditions(settings)
    facts |= result_of(settings) | training_images(settings)
    facts[DATA] = described(settings)
    facts[MACHINES] = noted(None, machine(settings.device, settings.precision), 0)
    with (InProcess() if engine is None else engine).opened(settings.device, announcing(observer)) as opened:
        path = Path(run) if run is not None else default_path(settings)  # created after everything that may fail
        with _resumable(path), Run.create(path, settings, facts) as store:
            return _go(store, settings, images, observer, opened)


def resume(
    run: str | Path,
    observer: Observer | None = None,
    engine: Engine | None = None,
    from_generation: int | None = None,
    facts: Mapping[str, str] | None = None,
    **options: Any,
) -> SearchResult:
    """Resume an interrupted search, or extend a finished one to a larger total of generations or evaluations.

    The result is that of a search that was never interrupted. ``from_generation`` goes back to the state after
    that generation first; the old file is kept as run.db.1. ``facts`` are stored with the run. Raises `UsageError`
    if settings differ from those of the run, except those in `evonas.store.settings.CHANGEABLE`.
    """
    observer = unwatched if observer is None else observer
    with _resumable(Path(run)), ExitStack() as stack:

        def accept(records: Records) -> tuple[SearchSettings, Batch | None, Engine]:
            settings = _asked(records, options)
            require_constraints(records, settings)
            require_training_images(records, settings)
            images = images_of(records, settings)
            if not ended(settings, *_reached(records)):
                require_repeated(records.path, settings.latency_command, options.get("latency_command"))
                require_conditions(records, settings)
            opened = (InProcess() if engine is None else engine).opened(settings.device, announcing(observer))
            return settings, images, stack.enter_context(opened)

        accepted = None
        if from_generation is not None:
            Run.require(Path(run))
            accepted = rewind(Path(run) / DATABASE, from_generation, accept)
        store = stack.enter_context(Run.open(Path(run)))
        settings, images, opened = accepted or accept(store)  # all checks are done
        if facts:
            store.set_meta(**facts)
        stored = store.settings  # the seals contain the original paths
        kept = replace(settings, **{name: getattr(stored, name) for name in PLACES})
        if _cut(store, stored) and kept.evaluations != stored.evaluations:
            store.undo()
        if kept != stored:
            store.keep(kept)
        if not ended(settings, *_reached(store)):
            _note(store, machine(settings.device, settings.precision))
        return _go(store, settings, images, observer, opened)


def _resumable(path: Path) -> AbstractContextManager[None]:
    return resumable(f"Resume with: {command('resume', path)}", lambda: _is_begun(path))


def _is_begun(path: Path) -> bool:
    """Whether there is a run at ``path`` that a resume would continue, or would say more about."""
    try:
        Run.read(path).close()
    except UsageError:  # no run.db, or nothing in it yet
        return False
    except EvonasError:
        return True
    return True


def _asked(records: Records, options: Mapping[str, Any]) -> SearchSettings:
    settings = changed(records.settings, dict(options))
    for name, done in zip(("generations", "evaluations"), _reached(records), strict=True):
        limit = getattr(settings, name)
        if limit is not None and limit < done:
            raise UsageError(f"{records.path} already has {done} {name}; --{name} is a total and cannot be less")
    return settings


def _reached(records: Records) -> tuple[int, int]:
    """The last finished generation and the evaluations until then; -1 and 0 if there is none."""
    rows = records.generations(last=1)
    return (rows[0].generation, rows[0].evaluations) if rows else (-1, 0)


def _cut(records: Records, settings: SearchSettings) -> bool:
    """Whether the last generation may be shorter than its algorithm asked, because the budget was spent.

    A larger budget repeats it. The first one stays, since a composite is standardised by it.
    """
    generation, evaluations = _reached(records)
    return generation > 0 and settings.evaluations is not None and evaluations >= settings.evaluations


def _go(
    store: Run, settings: SearchSettings, images: Batch | None, observer: Observer, engine: Engine
) -> SearchResult:
    advice = f"finished work is saved. Free memory and resume with: {command('resume', store.path)}"
    with memory_reported("searching", advice):
        return Search(store, settings, images, observer, engine).go()


def _note(run: Run, here: dict[str, Any]) -> None:
    """Record this machine in a run that is continued."""
    earlier = run.meta(MACHINES)
    now = noted(earlier, here, run.births())
    if now != earlier:
        run.set_meta(**{MACHINES: now})
