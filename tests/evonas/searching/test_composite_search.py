"""A search by a composite: its statistics match the first population, and never change."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.core.events import Listener
from evonas.engine import InProcess
from evonas.searching.events import Evaluated, GenerationDone, Progress
from evonas.store.run import Run
from fitness import NoScore, Task, proxies, stable_hash
from fitness.base import Proxy
from tests.evonas.conftest import content, reseal

Tiny = Callable[..., SearchSettings]
SMALL = "params*-0.5+flops"


class StopAfter(Listener):
    class Crash(Exception):
        pass

    def __init__(self, births: int) -> None:
        self.births = births

    def evaluated(self, event: Evaluated) -> None:
        progress = event.progress
        if progress.births >= self.births:
            raise self.Crash


def enter(patch: pytest.MonkeyPatch, name: str, function: Callable[[Any, Task], float]) -> None:
    patch.setitem(proxies._entries, name, Proxy(name, function, "", "", "", False))


def test_every_score_is_the_weighted_sum_standardised_by_the_distinct_first_networks(
    tiny: Tiny, tmp_path: Path
) -> None:
    settings = tiny(space="nasbench201", proxy="live-size*3+params*-0.5+flops", population=400, generations=2)
    evonas.search(settings, tmp_path / "run")
    found = content(tmp_path / "run")
    scores: dict[str, dict[str, float]] = {}
    for canonical, name, score, _ in found["members"]:
        scores.setdefault(canonical, {})[name] = score
    individuals = [(row[1], row[4], row[8]) for row in found["individuals"]]
    first = {canonical for generation, canonical, _ in individuals if generation == 0}
    assert len(first) < 400  # a network that was born twice counts once
    expected = dict.fromkeys(scores, 0.0)
    for name, weight in (("live-size", 3.0), ("params", -0.5), ("flops", 1.0)):
        known = [scores[canonical][name] for canonical in first if scores[canonical][name] is not None]
        for canonical in scores:
            if scores[canonical][name] is not None:
                expected[canonical] += weight * (scores[canonical][name] - np.mean(known)) / np.std(known)
    assert scores.keys() == {canonical for _, canonical, _ in individuals}
    for _, canonical, score in individuals:
        if None in scores[canonical].values():
            assert score is None
        else:
            assert score == pytest.approx(expected[canonical], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("births", range(1, 14))
def test_a_crash_at_any_birth_and_a_resume_equal_an_uninterrupted_run(
    tiny: Tiny, tmp_path: Path, births: int
) -> None:
    settings = tiny(space="nasbench201", proxy=SMALL, seed=births, generations=3)
    evonas.search(settings, tmp_path / "whole")
    with pytest.raises(StopAfter.Crash):
        evonas.search(settings, tmp_path / "crashed", StopAfter(births))
    evonas.resume(tmp_path / "crashed")
    assert content(tmp_path / "crashed") == content(tmp_path / "whole")


def test_nothing_of_the_first_population_is_computed_again_after_a_crash(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[Any] = []
    enter(monkeypatch, "counted", lambda genotype, task: scored.append(str(genotype)) or float(len(str(genotype))))
    with pytest.raises(StopAfter.Crash):
        evonas.search(tiny(proxy="counted+params", population=20), tmp_path / "run", StopAfter(11))
    assert len(scored) == 11
    evonas.resume(tmp_path / "run")
    assert len(scored) == len(set(scored))


def test_the_order_in_which_an_engine_computes_does_not_matter(tiny: Tiny, tmp_path: Path) -> None:
    class Backwards(InProcess):
        def map(self, function: Any, items: Any, lost: Any) -> Any:
            yield from reversed([result for item in reversed(list(items)) for result in function([item])])

    settings = tiny(space="nasbench201", proxy="naswot+synflow*2", layers=1, generations=1)
    evonas.search(settings, tmp_path / "forwards")
    evonas.search(settings, tmp_path / "backwards", engine=Backwards())
    assert content(tmp_path / "forwards") == content(tmp_path / "backwards")


def test_the_reported_best_scores_to_its_recorded_value(tiny: Tiny, tmp_path: Path) -> None:
    settings = tiny(space="nasbench201", proxy="naswot+synflow*2", layers=1, population=8, generations=3)
    result = evonas.search(settings, tmp_path / "run")
    assert result.best is not None
    (row,) = evonas.score([str(result.best.genotype)], run=tmp_path / "run")
    assert row.scores == {"naswot+synflow*2": result.best.score}
    saved = json.loads((tmp_path / "run" / "best.json").read_text())
    assert saved["score"] == result.best.score and saved["proxy"] == "naswot+synflow*2"
    total = sum(m["weight"] * (m["score"] - m["mean"]) / m["deviation"] for m in saved["members"])
    assert total == pytest.approx(result.best.score, rel=1e-12)
    summary = evonas.summarise(tmp_path / "run").as_json()
    assert summary["members"] == saved["members"] and summary["best"]["score"] == result.best.score
    alone = evonas.score([str(result.best.genotype)], ["naswot", "synflow"], settings)
    assert [m["score"] for m in saved["members"]] == list(alone[0].scores.values())


def test_every_individual_scores_to_its_recorded_value_in_any_order(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(space="nasbench201", proxy=SMALL, generations=6), tmp_path / "run")
    with Run.read(tmp_path / "run") as run:
        rows = sorted(run.individuals(), key=lambda row: row.key)
    again = evonas.score([row.genotype for row in rows], [SMALL, "flops"], run=tmp_path / "run")
    assert [row.scores[SMALL] for row in again] == [row.score for row in rows]
    assert [row.scores["flops"] for row in again] == [row.flops for row in rows]


def test_there_is_no_best_until_the_whole_first_population_is_scored(tiny: Tiny, tmp_path: Path) -> None:
    class Watch(Listener):
        seen: tuple[Progress, ...] = ()
        after_first: Progress | None = None

        def evaluated(self, event: Evaluated) -> None:
            progress = event.progress
            self.seen += (progress,)

        def generation(self, event: GenerationDone) -> None:
            progress = event.progress
            self.after_first = self.after_first or progress

    watch = Watch()
    evonas.search(tiny(proxy=SMALL), tmp_path / "run", watch)
    assert [progress.best for progress in watch.seen[:6]] == [None] * 6
    assert [progress.births for progress in watch.seen[:6]] == [1, 2, 3, 4, 5, 6]
    assert watch.after_first is not None and watch.after_first.best is not None
    assert all(progress.best is not None for progress in watch.seen[6:])


def odd(genotype: Any, task: Task) -> float:
    """The parameters; no value for a third of the networks, and no number for another."""
    kind = stable_hash(genotype) % 3
    if kind == 0:
        raise NoScore("no gradient")
    return float(task.space.params(genotype, task.size)) if kind == 1 else math.nan


def test_without_a_member_there_is_no_score_and_the_reason_names_it(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, "odd", odd)
    settings = tiny(space="nasbench201", proxy="params+odd", population=20, generations=5)
    result = evonas.search(settings, tmp_path / "run")
    found = content(tmp_path / "run")
    missing = {canonical for canonical, _, score, _ in found["members"] if score is None}
    reasons = {canonical: reason for canonical, score, reason in found["evaluations"] if score is None}
    assert reasons.keys() == missing
    assert set(reasons.values()) == {"odd: no gradient", "odd: odd is nan"}
    assert evonas.summarise(tmp_path / "run").failures == len(missing)
    assert result.best is not None and str(result.best.genotype) not in missing


def test_a_member_that_has_no_value_at_all_is_one_error_and_what_was_computed_is_kept(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def never(genotype: Any, task: Task) -> float:
        calls.append(genotype)
        raise NoScore("never has one")

    enter(monkeypatch, "never", never)
    with pytest.raises(UsageError, match=r"'never' has no value .*\(never has one\); remove it from --proxy"):
        evonas.search(tiny(proxy="params+never"), tmp_path / "run")
    computed = len(calls)
    assert computed == len(content(tmp_path / "run")["members"]) / 2
    with pytest.raises(UsageError, match="remove it from --proxy"):
        evonas.resume(tmp_path / "run")
    assert len(calls) == computed


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
def test_images_are_read_if_any_member_needs_them(dataset: str, tiny: Tiny, tmp_path: Path) -> None:
    absent = {"dataset": dataset, "data_dir": str(tmp_path / "absent")}
    evonas.search(tiny(proxy="params+flops", generations=0, **absent), tmp_path / "none")
    for proxy in ("params+naswot", "naswot+params", "naswot*2"):
        with pytest.raises(EvonasError, match="cifar"):
            evonas.search(tiny(proxy=proxy, **absent), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_composite_is_resumed_by_any_way_of_writing_it(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(proxy=" flops *2.0 + params"), tmp_path / "run")
    assert evonas.summarise(tmp_path / "run").settings.proxy == "flops*2+params"
    assert evonas.resume(tmp_path / "run", proxy="flops*2 + params*1", generations=5).generations == 5
    with pytest.raises(UsageError, match=r"--proxy flops\*2\+params"):
        evonas.resume(tmp_path / "run", proxy="flops*3+params")


def test_a_composite_of_one_is_searched_as_its_member_is(tiny: Tiny, tmp_path: Path) -> None:
    """Standardising keeps the order, so the same individuals are born."""
    evonas.search(tiny(proxy="params*2"), tmp_path / "composite")
    evonas.search(tiny(proxy="params"), tmp_path / "alone")
    births = [[row[:4] for row in content(tmp_path / name)["individuals"]] for name in ("composite", "alone")]
    assert births[0] == births[1]


def test_a_first_population_of_one_has_a_deviation_of_one(tiny: Tiny, tmp_path: Path) -> None:
    result = evonas.search(tiny(proxy=SMALL, population=1, children=1, generations=3), tmp_path / "run")
    assert result.best is not None and content(tmp_path / "run")["individuals"][0][8] == 0.0


def test_statistics_that_are_missing_or_damaged_are_reported(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(proxy=SMALL), tmp_path / "run")
    good = content(tmp_path / "run")["statistics"][0][0]
    other = json.dumps([{"name": "croze", "weight": 1.0, "mean": 0.0, "deviation": 1.0}])
    for damaged in ("", "[]", other, good.replace("mean", "meen"), good.replace('"mean": ', '"mean": "x", "m": ')):
        with Run.open(tmp_path / "run") as run:
            run.set_meta(composite=damaged)
        reseal(tmp_path / "run")
        for command in (evonas.resume, evonas.summarise):
            with pytest.raises(EvonasError, match="statistics of 'params") as caught:
                command(tmp_path / "run")
            assert "\n" not in str(caught.value)
    with sqlite3.connect(tmp_path / "run" / "run.db") as db:
        db.execute("DELETE FROM meta WHERE key = 'composite'")
    reseal(tmp_path / "run")
    with pytest.raises(EvonasError, match="lacks the statistics"):
        evonas.resume(tmp_path / "run", generations=6)


def test_a_composite_has_no_value_without_a_population(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is a composite.*--proxy params,flops.*--run RUN"):
        evonas.score(["DARTS_V2"], ["params", SMALL], tiny())
    evonas.search(tiny(proxy=SMALL), tmp_path / "run")
    with pytest.raises(UsageError, match=r"'params\+flops' is a composite: it differs from the proxy of"):
        evonas.score(["DARTS_V2"], ["params+flops"], run=tmp_path / "run")
    with pytest.raises(UsageError, match="not both"):
        evonas.score(["DARTS_V2"], None, tiny(), run=tmp_path / "run")
    with pytest.raises(UsageError, match="--seed 0"):
        evonas.score(["DARTS_V2"], run=tmp_path / "run", seed=3)


def test_a_run_in_its_first_population_is_shown_but_cannot_score_yet(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(StopAfter.Crash):
        evonas.search(tiny(proxy=SMALL), tmp_path / "run", StopAfter(4))
    summary = evonas.summarise(tmp_path / "run")
    assert summary.generation == -1 and summary.best is None and summary.members == []
    with pytest.raises(UsageError, match="has not finished its first population"):
        evonas.score(["DARTS_V2"], run=tmp_path / "run")
    (row,) = evonas.score(["DARTS_V2"], ["params"], run=tmp_path / "run")
    assert row.scores["params"] == row.params


def test_a_run_scores_with_the_images_that_another_proxy_needs(tiny: Tiny, tmp_path: Path) -> None:
    settings = tiny(space="nasbench201", layers=1)
    result = evonas.search(settings, tmp_path / "run")
    assert result.best is not None
    best = [str(result.best.genotype)]
    assert evonas.score(best, ["naswot"], run=tmp_path / "run")[0].scores == (
        evonas.score(best, ["naswot"], settings)[0].scores
    )
