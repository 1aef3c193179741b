"""Runs of the formats 1 to 5: every command reads them, and a resume converts them, also when it is killed."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

import evonas
from evonas import EvonasError, SearchSettings
from evonas.store.run import Run
from evonas.store.schema import FORMAT
from tests.evonas.conftest import content
from tests.evonas.store.formats import write_former

Tiny = Callable[..., SearchSettings]
PROXIES = ("params", "params+flops*-0.5")
FORMATS = [
    (proxy, number) for proxy in PROXIES for number in range(1, FORMAT) if number > 1 or "+" not in proxy
]  # format 1 has no composites


def version(run: Path) -> int:
    with sqlite3.connect(run / "run.db") as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


@pytest.fixture(params=PROXIES)
def whole(request: pytest.FixtureRequest, tiny: Tiny, tmp_path: Path) -> Path:
    evonas.search(tiny(proxy=request.param, generations=3), tmp_path / "whole")
    return tmp_path / "whole"


def former(whole: Path, number: int) -> Path:
    run = whole.with_name(f"format {number}")
    shutil.copytree(whole, run)
    write_former(run, number)
    return run


@pytest.mark.parametrize(("whole", "number"), FORMATS, indirect=["whole"])
def test_a_former_run_is_read_as_it_is(number: int, whole: Path) -> None:
    run = former(whole, number)
    shown, expected = (evonas.summarise(path).as_json() for path in (run, whole))
    assert {**shown, "run": ""} == {**expected, "run": ""}
    assert evonas.verify(run, sample=3).passed
    assert evonas.report(run).is_file() and evonas.plot(run, "history").is_file()
    with Run.read(run) as old, Run.read(whole) as new:
        assert list(old.individuals()) == list(new.individuals())
        assert [old.alive(generation) for generation in range(4)] == [new.alive(g) for g in range(4)]
        assert old.leading(5) == new.leading(5) and old.best() == new.best()
    assert version(run) == number


@pytest.mark.parametrize(("whole", "number"), FORMATS, indirect=["whole"])
def test_a_former_run_is_converted_when_it_is_continued(number: int, whole: Path) -> None:
    run, again = former(whole, number), whole.with_name("again")
    shutil.copytree(run, again)
    evonas.resume(whole, generations=5)
    evonas.resume(run, generations=5)
    evonas.resume(again, from_generation=1, generations=5)
    assert content(run) == content(whole) == content(again)
    assert version(run) == version(again) == FORMAT
    assert evonas.verify(run, sample=3).passed and evonas.verify(again, sample=3).passed


def test_an_interrupted_former_run_keeps_the_scores_of_its_journal(tiny: Tiny, tmp_path: Path) -> None:
    def stop(event: evonas.Event) -> None:
        if isinstance(event, evonas.Evaluated) and event.individual.birth == 10:
            raise KeyboardInterrupt

    settings = tiny(proxy="params+flops*-0.5")
    evonas.search(settings, tmp_path / "whole")
    with pytest.raises(evonas.Interrupted):
        evonas.search(settings, tmp_path / "run", stop)
    write_former(tmp_path / "run", FORMAT - 1)
    with Run.read(tmp_path / "run") as store:
        journalled = store.evaluated()
    evonas.resume(tmp_path / "run")
    assert content(tmp_path / "run") == content(tmp_path / "whole") and journalled > 9


def test_a_conversion_that_is_killed_at_any_statement_leaves_the_run_as_it_was(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that dies takes its open transaction with it, as the connection that is closed here does."""
    evonas.resume(whole, generations=4)
    template = former(whole, FORMAT - 1)
    before = evonas.summarise(template).as_json()
    connect = sqlite3.connect
    finished = False
    for most in range(1, 200):
        run = template.with_name(f"killed {most}")
        shutil.copytree(template, run)
        left = [most]

        class Dying(sqlite3.Connection):
            def _count(self, statement: str, left: list[int] = left) -> None:
                if self.in_transaction and "SELECT" not in statement.split()[:1]:
                    left[0] -= 1
                    if left[0] < 0:
                        raise KeyboardInterrupt

            def execute(self, statement: str, *args: object) -> sqlite3.Cursor:
                self._count(statement)
                return super().execute(statement, *args)

            def executemany(self, statement: str, *args: object) -> sqlite3.Cursor:
                self._count(statement)
                return super().executemany(statement, *args)

        with monkeypatch.context() as patch:
            patch.setattr(sqlite3, "connect", lambda *a, factory=Dying, **k: connect(*a, factory=factory, **k))
            try:
                Run.open(run).close()
                finished = True
            except KeyboardInterrupt:
                pass
        if finished:
            assert version(run) == FORMAT and most > 10
            break
        assert version(run) == FORMAT - 1
        assert {**evonas.summarise(run).as_json(), "run": before["run"]} == before
    assert finished


def test_settings_of_a_former_run_that_cannot_be_read_are_one_message(whole: Path) -> None:
    run = former(whole, FORMAT - 1)
    for settings in (json.dumps({"proxy": 5}), "{", "[]"):
        with sqlite3.connect(run / "run.db") as db:
            db.execute("UPDATE meta SET value = ? WHERE key = 'settings'", (settings,))
        db.close()
        for command in (evonas.summarise, evonas.report, evonas.resume):
            with pytest.raises(EvonasError) as caught:
                command(run)
            assert "\n" not in str(caught.value)
