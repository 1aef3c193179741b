"""Regularised evolution, exact resume, and what a run reports."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.core.events import Listener
from evonas.core.signals import Interrupted
from evonas.engine import InProcess
from evonas.searching.algorithms.regularized_evolution import tournament
from evonas.searching.events import Evaluated
from evonas.store.run import Run
from fitness import NoScore, proxies, stable_hash
from fitness.base import Proxy
from spaces import spaces
from tests.evonas.conftest import content, reseal

Tiny = Callable[..., SearchSettings]


class StopAfter(Listener):
    """Fails like a crash once ``births`` have been scored."""

    class Crash(Exception):
        pass

    def __init__(self, births: int) -> None:
        self.births = births

    def evaluated(self, event: Evaluated) -> None:
        progress = event.progress
        if progress.births >= self.births:
            raise self.Crash


def test_equal_seeds_give_equal_runs_and_others_do_not(tiny: Tiny, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        evonas.search(tiny(seed=seed), tmp_path / name)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert content(tmp_path / "a") != content(tmp_path / "c")


@pytest.mark.parametrize("space", list(spaces))
def test_a_crash_at_any_birth_and_a_resume_equal_an_uninterrupted_run(
    tiny: Tiny, tmp_path: Path, space: str
) -> None:
    settings = tiny(space=space)
    evonas.search(settings, tmp_path / "whole")
    # resuming knows nothing of spaces: a birth of the first population, one between, the last of a generation
    for births in range(1, 18) if space == "darts" else (4, 11, 15):
        with pytest.raises(StopAfter.Crash):
            evonas.search(settings, tmp_path / f"crashed{births}", StopAfter(births))
        evonas.resume(tmp_path / f"crashed{births}")
        assert content(tmp_path / f"crashed{births}") == content(tmp_path / "whole"), births


def test_a_crash_between_scores_of_croze_and_a_resume_equal_an_uninterrupted_run(
    tiny: Tiny, tmp_path: Path
) -> None:
    settings = tiny(proxy="croze", generations=1)
    evonas.search(settings, tmp_path / "whole")
    with pytest.raises(StopAfter.Crash):
        evonas.search(settings, tmp_path / "crashed", StopAfter(7))
    evonas.resume(tmp_path / "crashed")
    assert content(tmp_path / "crashed") == content(tmp_path / "whole")


def test_a_run_extended_from_10_to_20_generations_equals_one_started_with_20(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(generations=20), tmp_path / "whole")
    evonas.search(tiny(generations=10), tmp_path / "extended")
    result = evonas.resume(tmp_path / "extended", generations=20)
    assert content(tmp_path / "extended") == content(tmp_path / "whole")
    assert result.generations == 20


def test_resuming_a_finished_run_changes_nothing(tiny: Tiny, tmp_path: Path) -> None:
    first = evonas.search(tiny(), tmp_path / "run")
    before = content(tmp_path / "run")
    again = evonas.resume(tmp_path / "run")
    assert content(tmp_path / "run") == before
    assert (again.best, again.evaluations, again.cache_hits) == (first.best, first.evaluations, first.cache_hits)
    assert [str(g) for g in again.hall_of_fame] == [str(g) for g in first.hall_of_fame]


def test_nothing_computed_before_a_crash_is_computed_again(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[Any] = []
    original = proxies["params"]

    def counting(genotype: Any, task: Any) -> float:
        scored.append(str(genotype))
        return original.function(genotype, task)

    monkeypatch.setitem(proxies._entries, "params", Proxy("params", counting, "", "", "", False))
    settings = tiny(generations=2, population=10, children=10)
    with pytest.raises(StopAfter.Crash):
        evonas.search(settings, tmp_path / "run", StopAfter(25))
    evonas.resume(tmp_path / "run")
    assert len(scored) == len(set(scored))


def test_one_child_a_generation_is_the_algorithm_of_real_et_al(tiny: Tiny, tmp_path: Path) -> None:
    settings = tiny(population=8, tournament=3, children=1, generations=40, seed=3)
    evonas.search(settings, tmp_path / "run")

    space, size = spaces["darts"], spaces["darts"].default_size()
    rng = np.random.default_rng(stable_hash(3, "search"))
    network = type(size)(2, 3, 10, 32)

    def admitted(draw: Callable[[], Any]) -> Any:
        while True:
            genotype = draw()
            if space.params(genotype, size) <= 6_000_000:
                return genotype

    history = [admitted(lambda: space.random(rng)) for _ in range(8)]
    population = list(range(8))
    fitness = {i: space.params(genotype, network) for i, genotype in enumerate(history)}
    for _ in range(40):
        sample = [population[i] for i in rng.choice(8, size=3, replace=False)]
        parent = max(sample, key=lambda i: fitness[i])
        history.append(admitted(lambda parent=parent: space.mutate(history[parent], rng)))
        fitness[len(history) - 1] = space.params(history[-1], network)
        population = [*population[1:], len(history) - 1]
    with Run.read(tmp_path / "run") as run:
        assert [row.genotype for row in run.individuals()] == history


def test_the_reported_best_scores_to_its_recorded_value(tiny: Tiny, tmp_path: Path) -> None:
    settings = tiny(proxy="croze", generations=2)
    result = evonas.search(settings, tmp_path / "run")
    assert result.best is not None
    (row,) = evonas.score([str(result.best.genotype)], ["croze"], settings)
    assert row.scores["croze"] == result.best.score
    saved = json.loads((tmp_path / "run" / "best.json").read_text())
    assert saved["score"] == result.best.score and saved["genotype"] == str(result.best.genotype)
    with Run.read(tmp_path / "run") as run:
        scores = [individual.score for individual in run.individuals()]
        best = run.best()
    assert best is not None and best.birth == scores.index(max(scores)) == result.best.birth


def test_the_best_that_an_observer_is_told_never_gets_worse(tiny: Tiny, tmp_path: Path) -> None:
    told: list[float] = []

    class Watch(Listener):
        def evaluated(self, event: Evaluated) -> None:
            progress = event.progress
            assert progress.best is not None
            told.append(progress.best.score)

    result = evonas.search(tiny(population=20, children=10, generations=5), tmp_path / "run", Watch())
    with Run.read(tmp_path / "run") as run:
        scores = [row.score for row in run.individuals()]
    assert told == [max(scores[: i + 1]) for i in range(len(scores))]
    assert result.best is not None and told[-1] == result.best.score


def test_every_child_is_one_edit_from_a_parent_of_the_population_before_it(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(population=10, children=4, generations=12), tmp_path / "run")
    space = spaces["darts"]
    with Run.read(tmp_path / "run") as run:
        rows = list(run.individuals())
    for row in rows[10:]:
        first_of_generation = 10 + 4 * (row.generation - 1)
        assert row.parent is not None and first_of_generation - 10 <= row.parent < first_of_generation
        assert row.genotype in space.neighbours(rows[row.parent].genotype)


def test_no_birth_exceeds_max_params(tiny: Tiny, tmp_path: Path) -> None:
    limit = 9_000
    evonas.search(tiny(max_params=limit, generations=15), tmp_path / "run")
    with Run.read(tmp_path / "run") as run:
        assert max(row.params for row in run.individuals()) <= limit


def test_an_unreachable_max_params_is_one_clear_error_and_nothing_is_started(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(EvonasError, match="max-params"):
        evonas.search(tiny(space="nasbench201", max_params=10), tmp_path / "run")


def test_a_duplicate_is_answered_from_the_cache_and_counted_apart(tiny: Tiny, tmp_path: Path) -> None:
    result = evonas.search(tiny(space="nasbench201", population=20, children=10, generations=30), tmp_path / "run")
    assert result.cache_hits > 0
    with Run.read(tmp_path / "run") as run:
        rows = list(run.individuals())
    assert result.evaluations + result.cache_hits == len(rows) == 20 + 30 * 10
    assert result.evaluations == len({row.key for row in rows})
    seen: set[str] = set()
    for row in rows:
        assert row.cached == (row.key in seen)
        seen.add(row.key)


def test_a_score_that_cannot_be_computed_is_null_and_never_wins(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(genotype: Any, task: Any) -> float:
        number = stable_hash(genotype) % 4
        if number == 0:
            raise NoScore("no gradient")
        return (math.nan, math.inf, 1.0)[number - 1]

    monkeypatch.setitem(proxies._entries, "broken", Proxy("broken", broken, "", "", "", False))
    result = evonas.search(tiny(proxy="broken", tournament=6, generations=20), tmp_path / "run")
    with Run.read(tmp_path / "run") as run:
        rows = {row.birth: row for row in run.individuals()}
        reasons = {run.values(row.key)[0].reason for row in rows.values() if row.score is None}
        history = run.generations()
    assert reasons == {"no gradient", "broken is nan", "broken is inf"}
    assert {row.score for row in rows.values()} == {None, 1.0}
    assert result.best is not None and result.best.score == 1.0
    assert all(row.mean in (None, 1.0) for row in history)
    for row in rows.values():
        alive = [rows[i] for i in range(max(0, 3 * (row.generation - 1)), 6 + 3 * (row.generation - 1))]
        if row.parent is not None and any(other.score is not None for other in alive):
            assert rows[row.parent].score is not None  # the tournament was of everybody


def test_scores_that_are_all_null_end_a_search_without_a_best(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(proxies._entries, "none", Proxy("none", lambda g, t: math.nan, "", "", "", False))
    result = evonas.search(tiny(proxy="none"), tmp_path / "run")
    assert result.best is None and not (tmp_path / "run" / "best.json").exists()


def test_a_tournament_draws_without_replacement_and_returns_the_best() -> None:
    class Member:
        def __init__(self, fitness: int) -> None:
            self.fitness = fitness

    population: list[Any] = [Member(i) for i in range(10)]
    rng = np.random.default_rng(0)
    assert all(tournament(population, 10, rng).fitness == 9 for _ in range(50))
    wins = [tournament(population, 3, rng).fitness for _ in range(20_000)]
    assert min(wins) == 2  # with replacement 0 and 1 would win, too
    expected = math.comb(9, 2) / math.comb(10, 3)
    assert abs(wins.count(9) / len(wins) - expected) < 0.02


def test_the_order_in_which_an_engine_computes_does_not_matter(tiny: Tiny, tmp_path: Path) -> None:
    class Backwards(InProcess):
        def map(self, function: Any, items: Any, lost: Any) -> Any:
            yield from reversed([result for item in reversed(list(items)) for result in function([item])])

    settings = tiny(proxy="croze", generations=1)
    evonas.search(settings, tmp_path / "forwards")
    evonas.search(settings, tmp_path / "backwards", engine=Backwards())
    assert content(tmp_path / "forwards") == content(tmp_path / "backwards")


def test_a_failing_device_is_one_message_and_the_scores_before_it_are_kept(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(100))
    original = proxies["params"]

    def failing(genotype: Any, task: Any) -> float:
        if next(calls) == 8:
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore lines")
        return original.function(genotype, task)

    evonas.search(tiny(), tmp_path / "whole")
    monkeypatch.setitem(proxies._entries, "params", Proxy("params", failing, "", "", "", False))
    with pytest.raises(EvonasError, match="illegal memory access") as caught:
        evonas.search(tiny(), tmp_path / "run")
    assert "\n" not in str(caught.value)
    evonas.resume(tmp_path / "run")
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_a_stop_request_is_answered_between_two_evaluations(tiny: Tiny, tmp_path: Path) -> None:
    import os
    import signal

    class Interrupting(Listener):
        def evaluated(self, event: Evaluated) -> None:
            progress = event.progress
            if progress.births == 9:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="evonas resume") as caught:
        evonas.search(tiny(), tmp_path / "run", Interrupting())
    assert caught.value.exit_code == 130
    evonas.resume(tmp_path / "run")
    evonas.search(tiny(), tmp_path / "whole")
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_a_size_that_the_space_lacks_is_refused_before_anything_is_written(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(spaces[tiny().space]), "min_layers", 300)
    with pytest.raises(UsageError, match="layers must be at least 300 in the space"):
        evonas.search(tiny(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_resume_refuses_changed_settings_and_names_them(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(), tmp_path / "run")
    before = content(tmp_path / "run")
    with pytest.raises(UsageError, match=r"--population 6.*--seed 0"):
        evonas.resume(tmp_path / "run", population=7, seed=1, channels=2)
    with pytest.raises(UsageError, match="total"):
        evonas.resume(tmp_path / "run", generations=3)
    assert content(tmp_path / "run") == before


def test_resume_refuses_images_that_are_not_those_of_the_run(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(proxy="croze", generations=0), tmp_path / "run")
    with Run.open(tmp_path / "run") as run:
        run.set_meta(batch="0" * 64)
    reseal(tmp_path / "run")
    with pytest.raises(EvonasError, match="images of digits"):
        evonas.resume(tmp_path / "run")


def test_a_run_is_not_continued_by_another_version_of_its_proxy(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evonas.search(tiny(proxy="flops+params"), tmp_path / "run")
    monkeypatch.setitem(proxies._entries, "params", replace(proxies["params"], version=2))
    for command in (evonas.resume, lambda run: evonas.score(["DARTS_V2"], run=run)):
        with pytest.raises(EvonasError, match=r"version 1 of 'params'.*version 2.*start a new run"):
            command(tmp_path / "run")
    assert evonas.summarise(tmp_path / "run").generation == 4
    evonas.search(tiny(proxy="params"), tmp_path / "new")
    evonas.resume(tmp_path / "new", generations=5)


def test_scores_are_those_of_the_score_command(tiny: Tiny, tmp_path: Path) -> None:
    settings = tiny(proxy="croze", generations=0)
    evonas.search(settings, tmp_path / "run")
    with Run.read(tmp_path / "run") as run:
        rows = list(run.individuals())
    again = evonas.score([str(row.genotype) for row in rows], ["croze"], settings)
    assert [row.score for row in rows] == [row.scores["croze"] for row in again]
