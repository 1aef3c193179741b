"""One network at a time on a card: a population of one where that is possible, else the loop."""

from __future__ import annotations

import dataclasses

import pytest

from evonas import SearchSettings
from evonas.searching.resolve import resolve
from evonas.searching.task import task_of
from evonas.tables.scores import settings_hash
from fitness import Populations, proxies, score_all
from spaces import NetworkSize
from tests.device import POPULATION
from tests.pretended import card
from tests.pretended.test_paths import batch, genotypes, task

CALLS = {
    "grasp": 31_000,
    "certified-radius-limit": 15_500,
}  # at L=20 in the loop; more than the 12,000 of all others


def settings(device: str = "cuda", networks: int = 1, **options: object) -> SearchSettings:
    sizes = {"channels": 2, "layers": 3, "image_size": 8, **options}
    return resolve(SearchSettings(device=device, batch_networks=networks, **sizes))  # type: ignore[arg-type]


def test_one_network_is_a_population_of_one_and_waits_once() -> None:
    (one,) = genotypes("darts", 1)
    names = ["croze", "grad-norm"]
    (expected,) = score_all([one], names, task_of(settings("cpu"), batch(2, 8)))
    with card() as log:
        of = task_of(settings(), batch(2, 8))
        log.clear()
        (found,) = score_all([one], names, of)
        calls = log.calls
        assert sum(log.waits.values()) == 2 * log.pretended, log.waits  # once for each pass
        assert sum(log.uploads.values()) <= 4, log.uploads
        log.clear()
        (loop,) = score_all([one], names, dataclasses.replace(of, populations=None))
        assert calls < 0.6 * log.calls or not log.pretended
    for name in names:
        assert found[name].value == pytest.approx(expected[name].value, rel=POPULATION)
        assert found[name].value == pytest.approx(loop[name].value, rel=POPULATION)


def test_on_a_card_scores_of_one_and_of_many_networks_per_pass_are_the_same_to_a_file_of_scores() -> None:
    with card():
        one, many = (task_of(settings(networks=count), batch(2, 8)) for count in (1, 64))
        assert one.populations == Populations(1) and many.populations == Populations(64)
        assert settings_hash("croze", one) == settings_hash("croze", many)
        assert task_of(settings(space="nasbench201"), None).populations is None
        assert task_of(settings(image_size=96, stem="imagenet"), None).populations == Populations(1)
    one, many = (task_of(settings("cpu", count), batch(2, 8)) for count in (1, 64))
    assert one.populations is None and settings_hash("croze", one) != settings_hash("croze", many)


@pytest.mark.slow
@pytest.mark.parametrize("space", ["darts", "robnet", "nasbench201"])
@pytest.mark.parametrize("name", list(proxies))
def test_calls_of_a_proxy_in_the_loop_at_the_size_of_a_search(name: str, space: str) -> None:
    size = NetworkSize(2, 5 if space == "nasbench201" else 20, image_size=8)
    of = dataclasses.replace(task("cuda", space), size=size, batch=batch(8, 8))
    (one,) = genotypes(space, 1)
    with card() as log:
        (found,) = score_all([one], [name], of)
    assert log.calls <= CALLS.get(name, 12_000), log.calls
    assert sum(log.waits.values()) <= 4 and sum(log.uploads.values()) <= 15
    assert found[name].value is not None or name == "certified-radius"
