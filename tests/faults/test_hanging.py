"""A worker that hangs is ended, what it was doing is tried once more, and then has no score."""

from __future__ import annotations

import time
from typing import Any

import pytest

from evonas import UsageError
from evonas.engine import Processes, make
from tests.evonas.engine.functions import act


def lost(item: Any, reason: str) -> str:
    return f"lost: {reason}"


@pytest.mark.slow
def test_what_hangs_is_tried_twice_and_then_lost_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() - 86400 * (clock() % 2 > 1))  # a clock that jumps by a day
    news: list[str] = []
    with Processes(1, time_limit=3.0).opened("cpu", news.append) as engine:
        first, hanging, last = engine.map(act, [("double", 1), ("sleep", 600), ("double", 2)], lost)
    assert (first, last) == (2, 4)
    assert hanging == "lost: ended 2 workers, the last one: no answer within 3 s"
    assert news == ["a worker ended (no answer within 3 s); what it was doing is done again"]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_limit_that_nothing_meets_is_refused(seconds: float) -> None:
    with pytest.raises(UsageError, match="--time-limit"):
        make("processes", 1, None, seconds)


def test_what_cannot_be_ended_has_no_limit() -> None:
    with pytest.raises(UsageError, match="--engine processes"):
        make("in-process", time_limit=1.0)
