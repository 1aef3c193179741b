"""A worker that hangs is ended, what it was doing is tried once more, and then has no score."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import UsageError
from evonas.engine import Processes, make
from tests.evonas.cli.test_cli import run
from tests.evonas.conftest import content
from tests.evonas.engine.functions import act, hang_at


def lost(item: Any, reason: str) -> str:
    return f"lost: {reason}"


@pytest.mark.usefixtures("warm_workers")
def test_a_search_tries_twice_what_hangs_and_goes_on_with_the_reason_in_place_of_the_score(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    search = ["search", "--proxy", "params", "--channels", "2", "--layers", "3", "--population", "4", "--no-final"]
    search += ["--generations", "1", "--run"]
    assert run(*search, "whole", cwd=tmp_path).returncode == 0
    whole = content(tmp_path / "whole")["individuals"][:4]
    functions: dict[Any, Any] = {}
    plain = Processes.map

    def hanging(self: Processes, function: Any, items: Iterable[Any], lost: Any) -> Iterator[Any]:
        one = functions.setdefault(function, functools.partial(hang_at, function, whole[2][3]))
        return plain(self, one, items, lost)

    monkeypatch.setattr(Processes, "map", hanging)
    limited = ["--engine", "processes", "--workers", "1", "--time-limit", "1"]
    done = run(*search, "run", *limited, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert evonas.summarise(tmp_path / "run").failures == 1
    found = content(tmp_path / "run")["individuals"][:4]
    assert found[2][-2:] == (None, "crashed 2 workers (last: no answer within 1 s)")
    assert [*found[:2], found[3]] == [*whole[:2], whole[3]]


@pytest.mark.slow
def test_what_hangs_is_tried_twice_and_then_lost_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() - 86400 * (clock() % 2 > 1))  # a clock that jumps by a day
    news: list[str] = []
    with Processes(1, time_limit=3.0).opened("cpu", news.append) as engine:
        first, hanging, last = engine.map(act, [("double", 1), ("sleep", 600), ("double", 2)], lost)
    assert (first, last) == (2, 4)
    assert hanging == "lost: crashed 2 workers (last: no answer within 3 s)"
    assert news == ["a worker crashed (no answer within 3 s); its work is repeated"]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_limit_that_nothing_meets_is_refused(seconds: float) -> None:
    with pytest.raises(UsageError, match="--time-limit"):
        make("processes", 1, None, seconds)


def test_what_cannot_be_ended_has_no_limit() -> None:
    with pytest.raises(UsageError, match="--engine processes"):
        make("in-process", time_limit=1.0)
