"""How long a table takes: before it starts, and while it is made."""

from __future__ import annotations

import importlib
import io
import math
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from evonas.core.events import Closed, Listener
from evonas.reporting.tabulation import TabulationView, tabulation_table
from evonas.tabulating.estimate import estimate
from evonas.tabulating.events import NetworkTabulated, TabulationStarted
from evonas.tabulating.forecast import Forecast
from evonas.tabulating.job import Job, Outcome
from evonas.tabulating.plan import plan_of
from evonas.tabulating.trainer import Trainer
from evonas.training import probe
from evonas.training.training import Training
from tests.evonas.tabulating.conftest import Make, made

A, B, C = (Job(name, 0) for name in "abc")


def trainer_of(settings: Any) -> tuple[Trainer, list[Job], dict[str, int]]:
    plan = plan_of(settings, Listener())
    trainer = Trainer("own.csv", plan.training, plan.evaluation, plan.data.identity, None)
    return trainer, list(plan.jobs), dict(plan.flops)


def test_every_training_has_an_estimate_and_equal_networks_have_equal_ones(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, jobs, flops = trainer_of(make(recipe="pgd7", corruptions=True))
    module = importlib.import_module("evonas.tabulating.estimate")
    for place in (module, probe):
        monkeypatch.setattr(place, "timed", lambda work, device: work() is None or 1.0)
    monkeypatch.setattr(probe, "SHORT", 7.9)
    monkeypatch.setattr(module, "_corrupting", lambda source, testing, few: 0.5 * few)
    found = estimate(trainer, jobs, flops)
    assert found is not None and [*found] == jobs
    assert found[jobs[0]] == found[jobs[1]]
    training = 2 * (48 // 16 * 1.0 + 1.0)  # epochs of so many steps, and the measurement of the held-out images
    attacks = 8 / 2 * 1.0  # images, of which one was tried, as a step takes so long, and then two
    corruptions = 75 * 1.0 + 5 * 8 * 0.5  # all images at once, and making them
    assert [*found.values()] == pytest.approx([training + attacks + corruptions] * 4)


def test_a_short_training_is_tried_for_one_and_for_two_epochs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, jobs, _ = trainer_of(make(overrides={"epochs": 5}))
    tried = []

    def timed(work: Any, device: str) -> float:
        epochs = len(getattr(work(), "history", ())) or 0
        tried.append(epochs)
        return {0: 0.1, 1: 3.0, 2: 3.5}[epochs]

    monkeypatch.setattr(probe, "timed", timed)
    found = probe.Probe(trainer.settings(jobs[0]), trainer.data.training)
    assert found.whole(0.25) == pytest.approx(3.0 + 4 * 0.5)
    assert tried == [0, 1, 2]
    assert found.whole(1.0) == pytest.approx(5 * (3 * 1.0 + 0.1))


@pytest.mark.parametrize("epochs", [2, 5])
def test_a_short_evaluation_is_tried_whole_and_attacks_images_as_at_the_end(
    epochs: int, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, jobs, flops = trainer_of(make(overrides={"epochs": epochs}))
    tried = []
    module = importlib.import_module("evonas.tabulating.estimate")
    monkeypatch.setattr(module, "evaluate_subject", lambda subject, settings: tried.append(subject))
    monkeypatch.setattr(module, "MAX_IMAGES", 3)
    assert estimate(trainer, jobs[:1], flops) is not None
    testing = trainer.data.measured.images
    assert [len(subject.images) for subject in tried] == [3, 8]
    trained, true = tried[-1], testing.labels[:8]
    assert trained.labels[1::2].tolist() == true[1::2].tolist()  # wrong ones are not attacked
    even = true if epochs == 2 else trained.predicted  # two epochs were tried: all that there are
    assert trained.labels[::2].tolist() == even[::2].tolist()
    assert trained.predicted.tolist() != true.tolist()


def test_networks_that_cannot_be_tried_have_no_estimate(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a kernel is missing")

    monkeypatch.setattr(Training, "step", broken)
    assert estimate(*trainer_of(make())) is None


def test_a_forecast_is_corrected_by_what_has_finished() -> None:
    forecast = Forecast({A: 10.0, B: 20.0, C: 30.0}, 3, workers=2)
    assert (forecast.seconds, forecast.remaining) == (60.0, 30.0)
    forecast.add(Outcome(A, {}, seconds=15.0))  # half as long again
    assert (forecast.seconds, forecast.remaining) == (75.0, 37.5)
    forecast.add(Outcome(B, {}, seconds=30.0))
    forecast.add(Outcome(C, {}, seconds=45.0))
    assert forecast.remaining == 0.0
    unknown = Forecast(None, 3, workers=8)
    assert unknown.remaining is None
    unknown.add(Outcome(A, {}, seconds=6.0))
    assert unknown.remaining == pytest.approx(4.0)  # at most three can work at once


@pytest.mark.usefixtures("unforeseen")
def test_the_cost_is_said_first_and_every_network_has_a_line(make: Make, tmp_path: Path) -> None:
    view = TabulationView()
    view.console.file = io.StringIO()
    view(TabulationStarted("own.csv", 120, 168, 20, 7200.0, 3600.0, 2))
    view(
        NetworkTabulated(
            "g",
            1,
            {"validation": 0.5, "clean": 0.9, "pgd@Linf.eps8": 0.25, "fog.s1": 0.3},
            "",
            75.0,
            21,
            168,
            3500.0,
        )
    )
    view(NetworkTabulated("g", 2, {}, "ValueError: [no]", 1.0, 22, 168, None))
    view(Closed())
    assert view.console.file.getvalue().splitlines() == [
        "own.csv: 168 trainings of 120 genotypes, 20 of them finished; about 2:00:00 of computing, "
        "1:00:00 on 2 workers",
        "21 of 168, seed 1: clean 90.00 %, pgd@Linf.eps8 25.00 %, 1:15, ETA 58:20",
        "22 of 168, seed 2: failed (ValueError: [no]), ETA -",
    ]
    result = made(tmp_path / "own.csv", make(), view)
    lines = io.StringIO()
    Console(file=lines, width=100).print(tabulation_table(result))
    shown = lines.getvalue()
    assert "sd of retrainings" in shown and "pgd-64" in shown and "4 trainings of 3 genotypes" in shown
    assert not math.isnan(result.seconds)
