"""A search whose networks share passes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from evonas import api
from evonas.engine import Processes
from evonas.engine.base import unheard
from evonas.searching.resolve import resolve
from evonas.searching.task import task_of
from evonas.store.run import Run
from evonas.store.settings import SearchSettings
from fitness import Populations
from spaces import UsageError

OPTIONS = {"population": 4, "children": 3, "channels": 4, "layers": 3, "batch_size": 2, "dataset": "digits"}


def scores(path: Path) -> list[tuple[str, float | None]]:
    with Run.read(path) as run:
        return [(row.key, row.score) for row in run.individuals()]


def test_resume_with_populations_of_another_size_equals_uninterrupted_run(tmp_path: Path) -> None:
    whole = SearchSettings.from_options(generations=2, batch_networks="4", device="cpu", **OPTIONS)
    api.search(whole, tmp_path / "whole")
    first = SearchSettings.from_options(generations=1, batch_networks="4", device="cpu", **OPTIONS)
    api.search(first, tmp_path / "parts")
    api.resume(tmp_path / "parts", generations=2, batch_networks="2")
    assert scores(tmp_path / "parts") == scores(tmp_path / "whole")


def test_run_keeps_whether_networks_share_passes(tmp_path: Path) -> None:
    settings = SearchSettings.from_options(generations=0, batch_networks="2", device="cpu", **OPTIONS)
    api.search(settings, tmp_path / "run")
    with pytest.raises(UsageError, match="started with --batch-networks 2"):
        api.resume(tmp_path / "run", generations=1, batch_networks="1")


def test_run_from_before_there_was_a_choice_goes_on_with_one_after_the_other() -> None:
    assert SearchSettings.from_json("{}").batch_networks == 1


@pytest.mark.usefixtures("warm_workers")
def test_worker_processes_share_passes_too_and_score_the_same(tmp_path: Path) -> None:
    settings = SearchSettings.from_options(generations=1, batch_networks="3", device="cpu", **OPTIONS)
    api.search(settings, tmp_path / "here")
    api.search(settings, tmp_path / "there", engine=Processes(2))
    assert scores(tmp_path / "there") == scores(tmp_path / "here")


def test_scores_of_given_genotypes_are_those_of_the_run_they_are_scored_with(tmp_path: Path) -> None:
    settings = SearchSettings.from_options(generations=0, batch_networks="2", device="cpu", **OPTIONS)
    api.search(settings, tmp_path / "run")
    with Run.read(tmp_path / "run") as run:
        born = [(row.genotype, row.score) for row in run.individuals()]
    found = api.score([genotype for genotype, _ in born], run=tmp_path / "run", batch_networks="4")
    assert [row.scores["croze"] for row in found] == [score for _, score in born]
    with pytest.raises(UsageError, match="started with --batch-networks 2"):
        api.score([born[0][0]], run=tmp_path / "run", batch_networks="1")


def test_one_network_after_the_other_is_the_default_on_a_cpu() -> None:
    assert resolve(SearchSettings.from_options(batch_networks="auto", device="cpu")).batch_networks == 1


@pytest.mark.parametrize(
    ("device", "memory", "each"), [("cpu", 0.8, 0.2), ("cpu", 1e9, 1e9), ("cuda", 0.8, 0.8)], ids=str
)
def test_a_share_of_the_memory_is_divided_among_the_workers_of_a_device(
    device: str, memory: float, each: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    settings = resolve(SearchSettings(batch_networks=2, memory=memory, device="cpu"))
    task = task_of(dataclasses.replace(settings, device=device), None, workers=4)
    assert task.populations == Populations(2, each)


def test_every_worker_has_something_to_do() -> None:
    with Processes(4).opened("cpu", unheard) as engine:
        for items, most, chunk in ((50, 64, 13), (50, 8, 8), (3, 8, 1), (0, 8, 1)):
            engine.share(items, most)
            assert engine.chunk == chunk


@pytest.mark.parametrize("given", [0.0, -1.0, 85.0, float("inf"), float("nan")])
def test_wrong_memory_is_one_message(given: float) -> None:
    with pytest.raises(UsageError, match="--memory must be"):
        SearchSettings.from_options(memory=given)


@pytest.mark.parametrize("given", ["0", "many", "-1"])
def test_wrong_number_of_networks_is_one_message(given: str) -> None:
    with pytest.raises(UsageError, match="--batch-networks must be"):
        SearchSettings.from_options(batch_networks=given)
