"""Who is given what, and in which order the answers go out: with workers that are only imagined."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from evonas.engine import is_lost
from evonas.engine.protocol import Died, Event, Worker
from evonas.engine.worker import Done, Failed, Ready, answer
from evonas.engine.workers import Workers
from spaces import EvonasError, UsageError


class Imagined(Worker):
    items: list[Any] | None = None
    stopped = False

    def give(self, items: list[Any]) -> None:
        assert self.items is None and self.ready and not self.stopped
        self.items = items

    def stop(self) -> None:
        self.stopped = True


class Team(Workers):
    """Says in random order what its workers have to say; ``mortal`` items end a worker as often as they tell."""

    def __init__(self, count: int, seed: int = 0, mortal: dict[Any, int] | None = None) -> None:
        super().__init__(count)
        self.random = random.Random(seed)
        self.mortal = dict(mortal or {})
        self.started: list[Imagined] = []
        self.together: list[set[Any]] = []  # what was being computed at each moment
        self.stillborn = 0

    def default_count(self) -> int:
        return 2

    @property
    def description(self) -> str:
        return "imagined"

    def start(self, function: Any, index: int) -> Worker:
        self.function = function
        self.started.append(Imagined(index))
        return self.started[-1]

    def listen(self) -> list[tuple[Worker, Event]]:
        talkers = [w for w in self.members if isinstance(w, Imagined) and (not w.ready or w.items is not None)]
        assert talkers, "nobody would ever say anything"
        self.together.append({item for worker in talkers for item in worker.items or ()})
        return [
            (worker, self._event(worker))
            for worker in self.random.sample(talkers, self.random.randint(1, len(talkers)))
        ]

    def _event(self, worker: Imagined) -> Event:
        if not worker.ready:
            if self.stillborn:
                self.stillborn -= 1
                return Died("killed by SIGKILL")
            return Ready()
        assert worker.items is not None
        items, worker.items = worker.items, None
        for item in items:
            if self.mortal.get(item, 0):
                self.mortal[item] -= 1
                return Died("killed by SIGKILL")
        return answer(self.function, items)


def double(items: list[int]) -> list[int]:
    return [2 * item for item in items]


def lost(item: Any, reason: str) -> str:
    return f"lost {item}: {reason}"


def mapped(team: Team, items: Any, function: Any = double, news: list[str] | None = None) -> list[Any]:
    with team.opened("cpu", [].append if news is None else news.append):
        return list(team.map(function, items, lost))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("chunk", [1, 3])
def test_results_come_in_the_order_of_the_items_whatever_the_order_they_are_computed_in(
    seed: int, chunk: int
) -> None:
    team = Team(1 + seed % 4, seed)
    team.chunk = chunk
    assert mapped(team, range(50)) == [2 * i for i in range(50)]
    assert len(team.started) == team.count and all(worker.stopped for worker in team.started)


def test_an_item_is_taken_only_when_a_worker_can_begin_with_it() -> None:
    team, taken = Team(3), []

    def items() -> Iterator[int]:
        for i in range(30):
            assert any(worker.ready and worker.job is None for worker in team.members)
            taken.append(i)
            yield i

    assert mapped(team, items()) == [2 * i for i in range(30)] and taken == list(range(30))


@pytest.mark.parametrize("seed", range(10))
def test_what_a_worker_died_of_is_done_again_by_another_one_alone(seed: int) -> None:
    news: list[str] = []
    team = Team(3, seed, mortal={7: 1, 8: 1})
    assert mapped(team, range(20), news=news) == [2 * i for i in range(20)]
    assert len(team.started) == 5
    assert sum(7 in together for together in team.together) >= 2
    after = [together for together in team.together if 7 in together]
    assert after[-1] == {7}  # the others rested
    assert news == ["a worker crashed (killed by SIGKILL); its work is repeated"] * 2


@pytest.mark.parametrize("chunk", [1, 4])
def test_an_item_that_ends_two_workers_is_lost_and_no_other_with_it(chunk: int) -> None:
    team = Team(2, mortal={5: 9})
    team.chunk = chunk
    expected: list[Any] = [2 * i for i in range(12)]
    expected[5] = "lost 5: crashed 2 workers (last: killed by SIGKILL)"
    assert mapped(team, range(12)) == expected and is_lost(expected[5])
    assert is_lost("ended 2 workers, the last one: killed by SIGKILL")  # as earlier versions stored it
    assert team.mortal[5] == 7


@pytest.mark.parametrize("seed", range(10))
def test_an_error_is_raised_in_its_place_and_nothing_new_is_begun_after_it(seed: int) -> None:
    team, taken, results = Team(3, seed), [], []

    def fails_at_4(items: list[int]) -> list[int]:
        if items == [4]:
            raise EvonasError("four")
        return items

    with team.opened("cpu", print), pytest.raises(EvonasError, match="four"):
        for result in team.map(fails_at_4, (taken.append(i) or i for i in range(100)), lost):
            results.append(result)
    assert results == [0, 1, 2, 3] and len(taken) < 30
    assert all(worker.stopped for worker in team.started)


def test_an_error_that_is_not_ours_names_its_kind() -> None:
    def divides(items: list[int]) -> list[float]:
        return [1 / item for item in items]

    with pytest.raises(EvonasError, match=r"^a worker failed: ZeroDivisionError: .*by zero$") as caught:
        mapped(Team(2), [1, 0], divides)
    assert "divides" in str(caught.value.__cause__)  # the traceback, for --debug


def test_a_map_that_nobody_wants_any_more_leaves_no_worker_busy() -> None:
    team = Team(3)
    with team.opened("cpu", print):
        results = team.map(double, range(100), lost)
        assert [next(results) for _ in range(5)] == [0, 2, 4, 6, 8]
        results.close()
        assert not any(worker.job for worker in team.members)
        assert list(team.map(double, range(4), lost)) == [0, 2, 4, 6]  # and no answer of the first one is in it


def test_workers_are_kept_for_the_same_function_and_replaced_for_another() -> None:
    team = Team(2)
    with team.opened("cpu", print):
        for _ in range(3):
            assert list(team.map(double, range(4), lost)) == [0, 2, 4, 6]
        assert len(team.started) == 2
        assert list(team.map(list, range(4), lost)) == [0, 1, 2, 3]
    assert len(team.started) == 4


def test_workers_that_die_before_they_begin_are_an_error_and_not_replaced_for_ever() -> None:
    team = Team(2)
    team.stillborn = 10
    with pytest.raises(EvonasError, match="during start-up: killed by SIGKILL"):
        mapped(team, range(5))
    team = Team(2)
    team.stillborn, team.failed_starts = 3, 4
    assert mapped(team, range(5)) == [0, 2, 4, 6, 8]


def test_a_function_that_cannot_be_received_is_an_error() -> None:
    class Deaf(Team):
        def _event(self, worker: Imagined) -> Event:
            return Failed(EvonasError("no such module"), "trace")

    with pytest.raises(EvonasError, match="no such module"):
        mapped(Deaf(2), range(5))


def test_a_warning_of_many_workers_is_told_once() -> None:
    class Warning_(Team):
        def _event(self, worker: Imagined) -> Event:
            found = super()._event(worker)
            return found._replace(notes=("low memory",)) if isinstance(found, Done) else found

    news: list[str] = []
    mapped(Warning_(2), range(5), news=news)
    assert news == ["low memory"]


@pytest.mark.parametrize("count", [0, -1, 10**9])
def test_a_number_of_workers_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match="--workers"):
        Team(count)


@pytest.mark.parametrize("seed", range(5))
def test_every_result_is_heard_as_soon_as_it_is_there(seed: int) -> None:
    team = Team(3, seed, mortal={4: 9})
    heard: list[Any] = []
    with team.opened("cpu", print):
        for number, result in enumerate(team.map(double, range(12), lambda item, reason: -item, heard.append)):
            assert result in heard and len(heard) > number
    assert sorted(heard) == sorted([2 * item for item in range(12) if item != 4] + [-4])
    assert heard != sorted(heard, key=abs)
