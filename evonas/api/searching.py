"""Functions of the public API around a search: search, resume, score."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from evonas.api.scratch import disk, in_run
from evonas.core import arguments
from evonas.core.events import Listener, Observer, Observers, heard_by_observer, unwatched
from evonas.core.signatures import keywords
from evonas.store.nearby import is_run
from evonas.store.search_options import ScoreOptions, SearchOptions
from evonas.store.settings import SearchSettings
from evonas.training.plan import MAX_CONTROLS, MAX_TRAININGS
from spaces.errors import UsageError

if TYPE_CHECKING:
    from evonas.engine import Engine
    from evonas.searching.result import SearchResult
    from evonas.searching.scoring import ScoreRow
    from evonas.training.plan import FinalPlan
    from evonas.training.training import Trained
    from spaces.base import Genotype


@heard_by_observer
def search(
    settings: SearchSettings | None = None,
    run: str | Path | None = None,
    observer: Observer | None = None,
    engine: Engine | None = None,
    final: FinalPlan | None = None,
    reuse: Iterable[str | Path] | str | Path = (),
    scratch: str | Path | None = None,
) -> SearchResult:
    """Start a search and store it in the directory ``run`` (default ``runs/<date>-...``).

    With ``final`` the best genotype is trained and evaluated afterwards; the result then has ``trained``. Runs and
    tables of ``reuse`` give the trainings of controls that they have finished in the same way. With ``scratch``, a
    directory on a local disk, the search works there and is copied to ``run`` meanwhile and at its end.
    Raises `EvonasError` with one message, `Interrupted` after SIGINT or SIGTERM.
    """
    from evonas import pipeline
    from evonas.training.plan import FinalPlan

    settings = SearchSettings() if settings is None else arguments.instance(settings, SearchSettings, "settings")
    place = None if run is None else arguments.path(run, "--run")
    plan = None if final is None else arguments.instance(final, FinalPlan, "final")
    others = [arguments.path(one, "--reuse") for one in arguments.items(reuse, "--reuse")]
    chosen = engine_of(engine)

    def work(directory: Path | None, hearing: Observer) -> SearchResult:
        return pipeline.search(settings, directory, hearing, chosen, plan, others)

    return in_run(place, disk(scratch), observer_of(observer), work)


@heard_by_observer
@keywords(SearchOptions)
def resume(
    run: str | Path,
    observer: Observer | None = None,
    engine: Engine | None = None,
    *,
    from_generation: int | None = None,
    retrainings: int | None = None,
    controls: int | None = None,
    reuse: Iterable[str | Path] | str | Path = (),
    scratch: str | Path | None = None,
    **named: Unpack[SearchOptions],
) -> SearchResult | Trained:
    """Resume an interrupted run, or extend a finished search to more ``generations`` or ``evaluations`` in all.

    ``from_generation`` goes back to the state after that generation first. Only ``generations``, ``evaluations``,
    ``pick``, ``data_dir``, ``device``, ``batch_networks``, ``memory`` and ``latency_timeout`` may differ from the
    settings of the run, and paths in ``dataset``, ``proxy``, ``objectives`` and ``constraints`` for a folder or a
    table that was moved; the other keywords say what the caller expects. A ``latency_command`` runs only if it is
    given again. ``retrainings`` and ``controls`` raise those of `FinalPlan`, ``reuse`` and ``scratch`` are those
    of `search`. Raises `UsageError` that names those that differ.
    """
    from evonas import pipeline

    back = None if from_generation is None else arguments.integer(from_generation, "--from-generation", 0, 10**12)
    place, chosen = arguments.path(run, "run"), engine_of(engine)
    count = None if retrainings is None else arguments.integer(retrainings, "--retrainings", 1, MAX_TRAININGS)
    group = None if controls is None else arguments.integer(controls, "--controls", 0, MAX_CONTROLS)
    others = [arguments.path(one, "--reuse") for one in arguments.items(reuse, "--reuse")]

    def work(directory: Path | None, hearing: Observer) -> SearchResult | Trained:
        return pipeline.resume(
            directory or place, hearing, chosen, count, group, others, from_generation=back, **named
        )

    local = disk(scratch)
    return in_run(place, local if is_run(place) else None, observer_of(observer), work)


@heard_by_observer
@keywords(ScoreOptions)
def score(
    genotypes: Iterable[str | Genotype] | str | Genotype,
    proxies: Iterable[str] | str | None = None,
    settings: SearchSettings | None = None,
    run: str | Path | None = None,
    observer: Observer | None = None,
    **options: Unpack[ScoreOptions],
) -> list[ScoreRow]:
    """Score genotypes or published architectures (default proxy: croze).

    Pass ``settings``, or fields of `SearchSettings` as keywords. With ``run`` they are scored with the settings of
    that search, by default with its proxy; a composite uses the statistics of its first population. Keywords may
    then name the settings that a resume may change. Raises `UsageError` for a malformed genotype, for a composite
    without statistics, and for ``settings`` together with keywords or ``run``.
    """
    from evonas.searching import scoring

    written = [arguments.genotype(item) for item in arguments.items(genotypes, "genotypes")]
    names = None if proxies is None else arguments.texts(proxies, "--proxy")
    given = arguments.given(dict(options))
    if settings is not None and given:
        raise UsageError(f"pass settings or {', '.join(given)}, not both")
    if run is None:
        settings = SearchSettings.from_options(**options) if settings is None else settings
        settings = arguments.instance(settings, SearchSettings, "settings")
        return scoring.score(written, names, settings, observer_of(observer))
    if settings is not None:
        raise UsageError("a run has its own settings: pass settings or run, not both")
    return scoring.score_as(arguments.path(run, "--run"), written, names, given)


def observer_of(observer: Observer | None) -> Observer:
    """The observer of the caller, or one that turns warnings into those of Python."""
    return unwatched if observer is None else arguments.function(observer, "observer")


def announce_of(announce: Callable[[str], object]) -> Callable[[str], object]:
    """The function of the caller that takes messages as texts. Raises `UsageError` for an observer of events."""
    if isinstance(announce, Listener | Observers):
        raise UsageError("announce must be a function of one text, not an observer, which takes events")
    return arguments.function(announce, "announce")


def engine_of(engine: Engine | None) -> Engine | None:
    """The engine of the caller. Raises `UsageError` for anything else, such as the name of one."""
    from evonas.engine import Engine

    return None if engine is None else arguments.instance(engine, Engine, "engine")  # type: ignore[type-abstract]
