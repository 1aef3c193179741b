"""Functions of the public API on tables of trained networks: tabulate, correlate, calibrate, benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.api.scratch import disk
from evonas.api.searching import announce_of, engine_of, observer_of
from evonas.core import arguments
from evonas.core.events import Observer, heard_by_observer
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError

if TYPE_CHECKING:
    from evonas.engine import Engine
    from evonas.searching.latency.model import LatencyModel
    from evonas.tables import Correlation
    from evonas.tables.benchmark import Benchmark, TrialFinished
    from evonas.tables.calibrate import Calibration, SplitFinished
    from evonas.tables.scores import ArchitectureScored
    from evonas.tabulating.settings import TabulateSettings
    from evonas.tabulating.summary import Tabulation

MAX_COUNT = 10**9


@heard_by_observer
def tabulate(
    out: str | Path,
    settings: TabulateSettings | None = None,
    observer: Observer | None = None,
    engine: Engine | None = None,
    shard: str | None = None,
    *,
    croissant: bool = False,
    scratch: str | Path | None = None,
) -> Tabulation:
    """Train and evaluate a sample of a space, and write the CSV file ``out`` and a JSON file next to it.

    Finished trainings are kept in a directory next to them; repeat the call to continue, or to enlarge the table.
    ``engine`` trains, by default this process. ``shard``, as I/N, trains a part of the table only, which a call
    without it joins. ``croissant`` also writes the description of a finished table in Croissant. ``scratch`` is
    that of `search`. Raises `UsageError` for a table that was begun with other settings, `EvonasError` with one
    message, `Interrupted` after SIGINT or SIGTERM.
    """
    from evonas.tabulating import tabulate as tabulating
    from evonas.tabulating.place import Place
    from evonas.tabulating.settings import TabulateSettings
    from evonas.tabulating.shard import Shard

    settings = TabulateSettings() if settings is None else settings
    chosen = arguments.instance(settings, TabulateSettings, "settings")
    part = None if shard is None else Shard.parse(arguments.text(shard, "--shard"))
    path, flag = arguments.path(out, "--out"), arguments.flag(croissant, "--croissant")
    run_by, hearing, local = engine_of(engine), observer_of(observer), disk(scratch)
    if local is None:
        return tabulating.tabulate(path, chosen, hearing, run_by, part, flag)
    from evonas.store.scratch import on_scratch

    home = Place(path, "" if part is None else part.directory).home()
    return on_scratch(
        local,
        home,
        hearing,
        lambda there, tell: tabulating.tabulate(there / path.name, chosen, tell, run_by, part, flag),
    )


def correlate(
    table: str | Path,
    proxies: Iterable[str] | str = ("croze", "params"),
    settings: SearchSettings | None = None,
    *,
    sample: int | None = None,
    all_ids: bool = False,
    half: str | None = None,
    target_names: Iterable[str] | str | None = None,
    grouping: str = "paper",
    unit: str = "auto",
    architecture: str | None = None,
    scores: str | Path | None = None,
    engine: Engine | None = None,
    pair: tuple[str, str] | None = None,
    given: str = "params",
    against: str | None = None,
    observer: Callable[[ArchitectureScored], None] | None = None,
    announce: Callable[[str], object] | None = None,
) -> Correlation:
    """Rank correlations of proxies with the accuracies of trained networks in a CSV file.

    ``settings`` are by default those of the JSON file next to a table of `tabulate`, else of NAS-Bench-201.
    ``sample`` architectures are drawn by the seed of ``settings`` (default: all), ``target_names`` chooses
    accuracies, ``unit`` (auto, percent or fraction) is that of accuracies, ``architecture`` names the column of
    architectures, ``given`` is held fixed in partial correlations, ``against`` is a proxy or composite that all
    are compared with, ``scores`` is a file that keeps every score; ``observer`` is called after each architecture.
    Raises `UsageError` naming the line of a table that is wrong.
    """
    from evonas.tables import correlation
    from evonas.tables.sidecar import settings_of

    place = arguments.path(table, "the table")
    settings = settings_of(place, {}) if settings is None else settings
    return correlation.correlate(
        place,
        arguments.texts(proxies, "--proxy"),
        arguments.instance(settings, SearchSettings, "settings"),
        sample=None if sample is None else arguments.integer(sample, "--sample", 1, MAX_COUNT),
        all_ids=arguments.flag(all_ids, "--all-ids"),
        half=None if half is None else arguments.text(half, "--half"),
        target_names=None if target_names is None else arguments.texts(target_names, "--target"),
        grouping=arguments.text(grouping, "--grouping"),
        unit=arguments.text(unit, "--unit"),
        architecture=None if architecture is None else arguments.text(architecture, "--architecture"),
        scores=None if scores is None else arguments.path(scores, "--scores"),
        engine=engine_of(engine),
        pair=None if pair is None else arguments.pair(pair, "a pair of proxy and target"),
        given=arguments.text(given, "--given"),
        against=None if against is None else arguments.text(against, "--against"),
        observer=None if observer is None else arguments.function(observer, "observer"),
        announce=None if announce is None else announce_of(announce),
    )


def calibrate(
    table: str | Path,
    target: str | None = None,
    proxies: Iterable[str] | str | None = None,
    settings: SearchSettings | None = None,
    *,
    sample: int | None = None,
    grouping: str = "paper",
    unit: str = "auto",
    architecture: str | None = None,
    folds: int = 5,
    repeats: int = 3,
    scores: str | Path | None = None,
    out: str | Path | None = None,
    engine: Engine | None = None,
    observer: Callable[[ArchitectureScored], None] | None = None,
    splits: Callable[[SplitFinished], None] | None = None,
    announce: Callable[[str], object] | None = None,
) -> Calibration:
    """The proxy or sum of proxies that predicts ``target`` best, and its rho on held-out architectures.

    ``proxies`` compete (default: all registered ones); ``target`` is a name as in `correlate` (default: the first
    one but the clean accuracy); ``folds`` and ``repeats`` are those of the cross-validation; ``out`` is a file
    for ``--proxy file:PATH``; ``splits`` is called after each outer fold. For the rest see `correlate`.
    Raises `UsageError` naming the line of a table that is wrong.
    """
    from evonas.tables import calibration
    from evonas.tables.sidecar import settings_of

    place = arguments.path(table, "the table")
    settings = settings_of(place, {}) if settings is None else settings
    return calibration.calibrate(
        place,
        arguments.instance(settings, SearchSettings, "settings"),
        proxy_names=None if proxies is None else arguments.texts(proxies, "--proxy"),
        sample=None if sample is None else arguments.integer(sample, "--sample", 1, MAX_COUNT),
        target=None if target is None else arguments.text(target, "--target"),
        grouping=arguments.text(grouping, "--grouping"),
        unit=arguments.text(unit, "--unit"),
        architecture=None if architecture is None else arguments.text(architecture, "--architecture"),
        folds=arguments.integer(folds, "--folds", 2, 20),
        repeats=arguments.integer(repeats, "--repeats", 1, 1000),
        scores=None if scores is None else arguments.path(scores, "--scores"),
        out=None if out is None else arguments.path(out, "--out"),
        engine=engine_of(engine),
        observer=None if observer is None else arguments.function(observer, "observer"),
        splits=None if splits is None else arguments.function(splits, "splits"),
        announce=None if announce is None else announce_of(announce),
    )


def benchmark(
    table: str | Path,
    algorithms: Iterable[str] | str = ("random", "local-search", "regularized-evolution"),
    *,
    space: str | None = None,
    target_names: Iterable[str] | str | None = None,
    select_on: str | None = None,
    report: Iterable[str] | str = (),
    evaluations: int | None = None,
    trials: int = 100,
    seed: int | None = None,
    at: Iterable[int] | int | None = None,
    regrets: Iterable[float] | float | None = None,
    options: Mapping[str, object] | Iterable[str] = (),
    duplicates: str = "id",
    latency: str | Path | None = None,
    unit: str = "auto",
    architecture: str | None = None,
    constraints: Iterable[str] | str = (),
    rule: str | None = None,
    results: str | Path | None = None,
    engine: Engine | None = None,
    observer: Callable[[TrialFinished], None] | None = None,
    announce: Callable[[str], object] | None = None,
) -> Benchmark:
    """Compare search algorithms on a CSV file of trained networks, by many trials that build no network.

    See `evonas.tables.benchmark`. ``options`` has values by ALGORITHM.NAME; ``constraints`` has texts
    COLUMN<=NUMBER; ``results`` is a file that keeps every finished trial; ``observer`` is called after each.
    Raises `UsageError` with one message.
    """
    from evonas.core.options import assigned
    from evonas.tables import benchmark as tables

    return tables.benchmark(
        arguments.path(table, "the table"),
        arguments.texts(algorithms, "--algorithms"),
        space=None if space is None else arguments.text(space, "--space"),
        target_names=None if target_names is None else arguments.texts(target_names, "--target"),
        select_on=None if select_on is None else arguments.text(select_on, "--select-on"),
        report=arguments.texts(report, "--report"),
        evaluations=None if evaluations is None else arguments.integer(evaluations, "--evaluations", 1, MAX_COUNT),
        trials=arguments.integer(trials, "--trials", 1, MAX_COUNT),
        seed=0 if seed is None else arguments.integer(seed, "--seed", 0, 2**63 - 1),
        at=tables.AT
        if at is None
        else [arguments.integer(n, "--at", 1, MAX_COUNT) for n in arguments.items(at, "--at")],
        regrets=tables.REGRETS
        if regrets is None
        else [_regret(value) for value in arguments.items(regrets, "--regret")],
        options=assigned(options),
        duplicates=arguments.text(duplicates, "--duplicates"),
        latency=None if latency is None else arguments.path(latency, "--latency"),
        unit=arguments.text(unit, "--unit"),
        architecture=None if architecture is None else arguments.text(architecture, "--architecture"),
        constraints=arguments.texts(constraints, "--constraint"),
        rule=None if rule is None else arguments.text(rule, "--rule"),
        results=None if results is None else arguments.path(results, "--results"),
        engine=engine_of(engine),
        observer=None if observer is None else arguments.function(observer, "observer"),
        announce=None if announce is None else announce_of(announce),
    )


def _regret(value: object) -> float:
    return arguments.number(value, "--regret", "a number from 0", lambda x: 0 <= x < float("inf"))


@heard_by_observer
def fit_latency(
    table: str | Path,
    column: str | None = None,
    out: str | Path | None = None,
    *,
    sample: int | None = None,
    seed: int = 0,
    space: str | None = None,
    architecture: str | None = None,
    measure: int | None = None,
    settings: TabulateSettings | None = None,
    observer: Observer | None = None,
) -> LatencyModel:
    """Fit the cost of each operation to a column of latencies; ``out`` receives the file of `latency-model:PATH`.

    ``sample`` networks drawn by ``seed``, by default four fifths, are fitted; the others give the error. The
    column is by default the only one of times. ``measure`` first measures so many random genotypes and writes
    ``table``, by the ``latency`` and at the size of ``settings``; repeat the call to continue. Raises `UsageError`
    for a table that lacks the column or has too few networks.
    """
    from evonas.tables.latency_fit import fit
    from evonas.tabulating.latency_table import measure_table
    from evonas.tabulating.settings import MAX_SAMPLE, TabulateSettings

    place, first = arguments.path(table, "the table"), arguments.integer(seed, "--seed", 0, 2**63 - 1)
    name = None if column is None else arguments.text(column, "--column")
    count = None if sample is None else arguments.integer(sample, "--sample", 1, MAX_COUNT)
    within = None if space is None else arguments.text(space, "--space")
    listening = observer_of(observer)
    if measure is not None:
        number = arguments.integer(measure, "--measure", 1, MAX_SAMPLE)
        asked = TabulateSettings(latency=("torch",)) if settings is None else settings
        asked = arguments.instance(asked, TabulateSettings, "settings")
        asked = replace(asked, sample=number, seed=first, space=within or asked.space)
        measured = measure_table(place, asked, listening)
        name = measured if name is None else name
    elif settings is not None:
        raise UsageError("settings say what --measure measures; add it, or leave them out")
    column_of = None if architecture is None else arguments.text(architecture, "--architecture")
    found = fit(place, name, count, first, within, column_of)
    if out is not None:
        found.write(arguments.path(out, "--out"))
    return found
