"""What a resume may change, what it refuses, and that a refused one changes nothing."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import EvonasError, SearchSettings
from evonas.core.events import Listener
from evonas.core.signals import Interrupted
from evonas.engine import Engine, InProcess
from evonas.searching.events import Evaluated, SearchStarted
from evonas.store.run import Run
from evonas.training.plan import FinalPlan
from fitness import NoScore, Task, proxies
from fitness.base import Proxy
from tests.evonas.conftest import content

Tiny = Callable[..., SearchSettings]


class Refusing(InProcess):
    """An engine that cannot be opened."""

    @contextmanager
    def opened(self, device: str, announce: Callable[[str], object]) -> Iterator[Engine]:
        raise EvonasError("no cluster")
        yield self


@pytest.fixture
def finished(tiny: Tiny, tmp_path: Path) -> Path:
    evonas.search(tiny(), tmp_path / "run")
    return tmp_path / "run"


def stored(run: Path) -> SearchSettings:
    with Run.read(run) as store:
        return store.settings


def test_auto_is_the_device_that_is_here_and_never_stored(finished: Path) -> None:
    before = stored(finished)
    assert before.device != "auto"
    evonas.resume(finished, device="auto", generations=5)
    assert stored(finished) == evonas.SearchSettings.from_json(before.to_json().replace('ns": 4', 'ns": 5'))
    assert evonas.score([evonas.summarise(finished).best.genotype], run=finished, device="auto")[0].scores
    assert evonas.verify(finished, 1, device="auto").passed


def test_a_run_whose_stored_device_is_auto_is_mended(finished: Path) -> None:
    before = stored(finished)
    with closing(sqlite3.connect(finished / "run.db")) as db:
        text = before.to_json().replace(f'"device": "{before.device}"', '"device": "auto"')
        db.execute("UPDATE meta SET value = ? WHERE key = 'settings'", (text,))
        db.commit()
    assert stored(finished).device == "auto" and evonas.verify(finished, 1).passed
    evonas.resume(finished)
    assert stored(finished) == before


def test_changed_settings_are_stored_once_nothing_can_refuse_them(finished: Path) -> None:
    before = content(finished), stored(finished)
    with pytest.raises(EvonasError, match="no cluster"):
        evonas.resume(finished, engine=Refusing(), generations=6)
    assert (content(finished), stored(finished)) == before


def files(run: Path) -> dict[str, bytes]:
    """What a run holds, but for who works on it."""
    passing = ("run.lock", "run.holder", "run.db-shm", "run.db-wal")
    return {file.name: file.read_bytes() for file in run.iterdir() if file.name not in passing}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"population": 99}, "--population 6"),
        ({"generations": 1}, "cannot be less"),
        ({"engine": Refusing()}, "no cluster"),
        ({"device": "cuda:99"}, "not available"),
    ],
)
def test_a_refused_way_back_changes_nothing(options: dict[str, Any], said: str, finished: Path) -> None:
    before = files(finished)
    with pytest.raises(EvonasError, match=said):
        evonas.resume(finished, from_generation=2, **options)
    assert files(finished) == before


def test_the_best_of_an_undone_future_does_not_stay(finished: Path) -> None:
    class Crash(Listener):
        def started(self, event: SearchStarted) -> None:
            raise KeyboardInterrupt

    def best() -> Any:
        return json.loads((finished / "best.json").read_text())

    with closing(sqlite3.connect(finished / "run.db")) as db:
        births = dict(db.execute("SELECT generation, max(birth) FROM individuals GROUP BY 1"))
    last = best()
    assert last["birth"] > births[0]  # of a later generation than the one gone back to
    with pytest.raises(Interrupted):
        evonas.resume(finished, Crash(), from_generation=0)
    assert best()["birth"] <= births[0] and evonas.verify(finished, 1).passed
    evonas.resume(finished)
    assert best() == last


class Stop(Listener):
    """Asks to stop at one birth."""

    def __init__(self, birth: int) -> None:
        self.birth = birth
        self.failures = 0

    def evaluated(self, event: Evaluated) -> None:
        progress = event.progress
        self.failures = progress.failures
        if progress.births == self.birth:
            signal.raise_signal(signal.SIGINT)


def test_failures_of_an_unfinished_generation_are_counted_once(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored(genotype: Any, task: Task) -> float:
        params = task.space.params(genotype, task.size)
        if params % 3:
            raise NoScore("not divided by three")
        return float(params)

    monkeypatch.setitem(proxies._entries, "some", Proxy("some", scored, "", "", "", False))
    never = Stop(-1)
    evonas.search(tiny(proxy="some"), tmp_path / "whole", never)
    with pytest.raises(Interrupted):
        evonas.search(tiny(proxy="some"), tmp_path / "run", Stop(8))  # the second of generation 1
    with Run.read(tmp_path / "run") as store:
        born = {row.key for row in store.individuals()}
        assert set(store.reasons()) - born and store.failures() == len(set(store.reasons()) & born)
    resumed = Stop(-1)
    evonas.resume(tmp_path / "run", resumed)
    assert resumed.failures == never.failures == evonas.summarise(tmp_path / "run").failures > 0


def test_a_signal_during_the_very_last_birth_says_that_the_search_is_complete(tiny: Tiny, tmp_path: Path) -> None:
    last = Stop(6 + 4 * 3)
    assert evonas.search(tiny(), tmp_path / "alone", last).generations == 4  # nothing follows
    with pytest.raises(Interrupted, match=r"the search was complete.* with: evonas resume \S+$"):
        evonas.search(tiny(space="darts"), tmp_path / "run", last, final=FinalPlan(overrides={"epochs": 1}))
    assert content(tmp_path / "run") == content(tmp_path / "alone")
    assert evonas.summarise(tmp_path / "run").stage == "training"
