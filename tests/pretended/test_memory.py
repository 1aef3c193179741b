"""How many networks a pass takes on a card of a given memory."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import pytest
import torch

from evonas import SearchSettings
from evonas.core.events import Event, Message
from evonas.engine import InProcess, Processes
from evonas.searching.passes import Passes
from evonas.searching.resolve import resolve
from evonas.searching.task import task_of
from fitness import Populations, score_all
from fitness.population import shared
from fitness.population.fitting import bytes_each, fitting
from fitness.population.plan import plan
from spaces import NetworkSize
from tests.pretended import card
from tests.pretended.test_paths import batch, genotypes, task

SHARE = 0.85  # the default of --memory


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of networks of every pass of synflow."""
    found: list[int] = []
    many = shared.FLOW.many

    def watched(population: Any, *rest: Any) -> Any:
        found.append(population.networks)
        return many(population, *rest)

    monkeypatch.setitem(shared.PASSES, "synflow", shared.FLOW._replace(many=watched))
    return found


def test_a_pass_takes_what_the_memory_of_its_card_holds(sizes: list[int]) -> None:
    given = genotypes("darts", 6)
    of = task("cuda", populations=Populations(256))
    of = dataclasses.replace(of, batch=batch(2, 8), size=NetworkSize(2, 3, image_size=8))
    needed = [shared.FLOW.needed(plan(given[:count], of.size), of) for count in range(7) if count]
    found = []
    for memory in (needed[5], needed[4], needed[2] // 2):
        with card(memory=int(memory / SHARE) + 100), warnings.catch_warnings():
            warnings.simplefilter("error")
            found.append([one["synflow"].value for one in score_all(given, ["synflow"], of)])
    assert sizes == [6, 3, 3, 1, 1, 1, 1, 1, 1]
    assert found[1] == pytest.approx(found[0], rel=1e-6) and found[2] == pytest.approx(found[0], rel=1e-6)


@pytest.mark.parametrize(("device", "cards", "workers"), [("cuda", 1, 1), ("cuda", 1, 4), ("cuda", 2, 4)])
def test_auto_is_said_and_divided_among_the_workers_of_a_card(device: str, cards: int, workers: int) -> None:
    given, heard = genotypes("darts", 20), list[Event]()
    with card(cards, memory=5 << 30):
        settings = resolve(SearchSettings(channels=4, layers=3, device=device))
        assert settings.batch_networks == 256
        of = task_of(settings, batch(8, 32), workers)
        passes = Passes(("croze", "naswot"), of, InProcess(), heard.append)
        for _ in range(2):
            passes.say(given)
        assert of.populations is not None
        each = bytes_each(given, ["croze", "naswot"], of)
        assert each is not None
        count, budget = fitting(each, of.populations, device)
    on_one = workers // cards
    assert budget == pytest.approx(SHARE * (5 << 30) / on_one, rel=1e-6) and count == min(256, budget // each)
    texts = [event.text for event in heard if isinstance(event, Message)]
    assert len(texts) == 1 and texts[0].startswith(f"scoring up to {count} networks per pass: ")
    assert texts[0].endswith(" GB on cuda") and (count < 256) == (on_one > 1)


def test_the_memory_of_other_processes_is_not_looked_at() -> None:
    heard = list[Event]()
    with card(2), pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device=None: pytest.fail("a context on card 0"))
        of = task("cuda", populations=Populations(64))
        with Processes(2).opened("cuda", print) as engine:
            Passes(("croze",), of, engine, heard.append).say(genotypes("darts", 2))
        Passes(("croze",), task("cpu", populations=Populations(64)), InProcess(), heard.append).say([])
        without = dataclasses.replace(of, batch=None)  # a search that is replayed
        Passes(("croze",), without, InProcess(), heard.append).say(genotypes("darts", 2))
        Passes(("zico",), of, InProcess(), heard.append).say(genotypes("darts", 2))
    (said,) = (event.text for event in heard if isinstance(event, Message))
    assert said.startswith("scoring up to 64 networks per pass, as the memory of each worker")
