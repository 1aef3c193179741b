"""The fitness that trains each genotype for a few epochs."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import evonas
from evonas import SearchSettings, UsageError
from evonas.core.events import Event, Message
from evonas.core.quantities import duration
from evonas.core.signals import Interrupted
from evonas.engine import InProcess, is_lost
from evonas.searching.events import Evaluated
from evonas.searching.objectives.named import fitness_of
from evonas.searching.objectives.trained import ShortTraining
from evonas.searching.resolve import resolve
from evonas.searching.task import task_of
from evonas.store.run import Run
from evonas.training import checkpoint, probe
from evonas.training.divergence import NotFinite
from evonas.training.images import split
from evonas.training.measure import robust_accuracy
from evonas.training.plan import FinalPlan
from evonas.training.settings import TrainSettings
from evonas.training.training import Training
from spaces import spaces
from tests.evonas.conftest import content
from tests.pretended import card
from tests.warm import WarmProcesses

Settings = Callable[..., SearchSettings]
PROXY = "trained:fast:1:batch_size=16:cutout=0:eps=16:lr=0.2"


@pytest.fixture
def make(pictures: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a search; its trainings are foreseen by their steps alone."""
    monkeypatch.setattr(probe, "SHORT", 0.0)

    def settings(**options: Any) -> SearchSettings:
        given = {
            "space": "nasbench201",
            "proxy": PROXY,
            "dataset": pictures,
            "image_size": 8,
            "channels": 2,
            "layers": 1,
            "algorithm": "random",
            "evaluations": 4,
            "population": 2,
            "children": 2,
            "seed": 3,
            "device": "cpu",
        }
        return SearchSettings(**{**given, **options})

    return settings


def test_its_value_is_that_of_the_training_of_the_same_genotype(make: Settings, tmp_path: Path) -> None:
    found = evonas.search(make(), tmp_path / "run")
    assert found.best is not None and found.best.score is not None
    numbers = {"epochs": 1, "batch_size": 16, "cutout": 0, "lr": 0.2}
    names = ("space", "dataset", "image_size", "channels", "layers", "seed", "device")
    given = {name: getattr(make(), name) for name in names}
    settings = TrainSettings(str(found.best.canonical), overrides=numbers, **given)
    trained = evonas.train(settings, tmp_path / "training")
    model = checkpoint.load(trained.checkpoint).model("cpu")
    _, held_out = split(settings.resolve())
    assert robust_accuracy(model, held_out, 16.0, 3) == found.best.score
    assert 0 < found.best.score <= 1


def test_a_resume_gives_the_same_run(make: Settings, tmp_path: Path) -> None:
    evonas.search(make(evaluations=6), tmp_path / "whole")
    evonas.search(make(), tmp_path / "resumed")
    evonas.resume(tmp_path / "resumed", evaluations=6)
    assert content(tmp_path / "whole") == content(tmp_path / "resumed")
    assert evonas.verify(tmp_path / "whole", sample=1).passed


def test_the_cost_is_said_once_before_the_first_training(
    make: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "timed", lambda work, device: work() is None or 1.0)
    heard: list[Event] = []
    evonas.search(make(), tmp_path / "run", heard.append)
    said = [i for i, one in enumerate(heard) if isinstance(one, Message) and "per genotype" in one.text]
    training = 59 // 16 * 1.0 + 1.0  # the steps of its epoch, and the images held out: clean
    each = duration(training + 1.0)  # and under attack
    assert [heard[i].text for i in said] == [  # type: ignore[attr-defined]
        f"trained:fast:1:batch_size=16:cutout=0:eps=16:lr=0.2: about {each} per genotype; "
        f"at most 4 genotypes, {duration(4 * (training + 1.0))} of computing"
    ]
    assert not any(isinstance(one, Evaluated) for one in heard[: said[0]])
    evonas.search(make(), tmp_path / "quiet")
    assert content(tmp_path / "run") == content(tmp_path / "quiet")


def test_what_cannot_be_tried_has_no_estimate(make: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    fitness, space = fitness_of(PROXY).within(make()), spaces["nasbench201"]
    genotypes = [space.random(np.random.default_rng(seed)) for seed in range(3)]
    task = task_of(resolve(make()), None)
    found = fitness.forecast(genotypes, task)
    assert found is not None and found > 0
    monkeypatch.setattr(Training, "step", lambda *_: 1 / 0)
    assert fitness.forecast(genotypes, task) is None


def test_each_value_is_stored_at_once_also_where_networks_are_scored_together(
    make: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = []
    share = InProcess.share

    def shared(self: InProcess, items: int, most: int) -> None:
        share(self, items, most)
        chunks.append(self.chunk)

    monkeypatch.setattr(InProcess, "share", shared)
    evonas.search(make(batch_networks=8), tmp_path / "run")
    evonas.search(make(proxy="params", batch_networks=8), tmp_path / "together")
    assert chunks == [1, 1, 2, 2]


def test_finalists_start_above_the_epochs_of_the_search(make: Settings, tmp_path: Path) -> None:
    final = FinalPlan(overrides={"epochs": 4, "batch_size": 16, "cutout": 0}, finalists=3, images=4, checks=0)
    evonas.search(make(), tmp_path / "run", final=final)
    journal = json.loads((tmp_path / "run" / "finalists.json").read_text())
    assert sorted(key[0] for key in journal) == ["1", "1", "1", "2", "2"]
    epochs = {
        place.name[0]: checkpoint.load(place / "last.safetensors").epoch
        for place in (tmp_path / "run" / "finalists").iterdir()
    }
    assert epochs == {"1": 2, "2": 4}
    assert evonas.verify(tmp_path / "run", sample=1).passed


@pytest.mark.slow
def test_workers_give_the_same_run(make: Settings, tmp_path: Path) -> None:
    evonas.search(make(), tmp_path / "whole")
    evonas.search(make(), tmp_path / "workers", engine=WarmProcesses(2))
    assert content(tmp_path / "whole") == content(tmp_path / "workers")


def test_an_interrupted_training_is_repeated_and_finished_ones_are_kept(
    make: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evonas.search(make(), tmp_path / "whole")
    run, counted = Training.run, 0

    def stopped(self: Training) -> Any:
        nonlocal counted
        counted += 1
        if counted == 3:
            raise Interrupted("interrupted after epoch 0 of 1")
        return run(self)

    monkeypatch.setattr("evonas.store.run.JOURNAL_SECONDS", 0.0)
    monkeypatch.setattr(Training, "run", stopped)
    with pytest.raises(Interrupted, match=r"finished work is saved\. Resume with: evonas resume "):
        evonas.search(make(), tmp_path / "run")
    evonas.resume(tmp_path / "run")
    assert counted == 5 and content(tmp_path / "run") == content(tmp_path / "whole")


def test_a_loss_that_is_not_finite_is_a_genotype_without_a_score(
    make: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, counted = Training.run, 0

    def diverging(self: Training) -> Any:
        nonlocal counted
        counted += 1
        if counted == 2:
            raise NotFinite(1, 0.2, tmp_path)
        return run(self)

    monkeypatch.setattr(Training, "run", diverging)
    evonas.search(make(), tmp_path / "run")
    reasons = [row[-1] for row in content(tmp_path / "run")["evaluations"]]
    assert reasons.count("the loss is not finite in epoch 1") == 1 and reasons.count("") == 3


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), OSError(28, "full")]
)
def test_a_card_without_memory_fails_one_genotype_and_nothing_else_does(
    error: Exception, make: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(directory: Path, settings: TrainSettings, *rest: Any) -> dict[str, float]:
        if settings.genotype == str(spaces["nasbench201"].canonical(second)):
            return {"robust": 0.5}
        raise error

    monkeypatch.setattr("evonas.searching.objectives.trained.short_training", train)
    settings = resolve(make())
    first, second = (spaces["nasbench201"].random(np.random.default_rng(seed)) for seed in (0, 1))
    fitness, task = fitness_of(PROXY).within(settings), task_of(settings, None)
    with card():
        scored = fitness.score([first, second], dataclasses.replace(task, device="cuda"))
        if not isinstance(error, torch.OutOfMemoryError):
            with pytest.raises(type(error)):
                next(iter(scored))
            return
        with pytest.warns(RuntimeWarning, match="cuda has too little memory to train .*; it has no score"):
            failed, other = (next(iter(one.values())) for one in scored)
    assert (failed.value, failed.reason, other.value) == (None, "out of memory", 0.5) and is_lost(failed.reason)
    with pytest.raises(torch.OutOfMemoryError):
        next(iter(fitness.score([first], task)))  # of the host


def test_it_is_one_of_several_objectives_and_no_limit(make: Settings, tmp_path: Path) -> None:
    options = {"algorithm": "nsga2", "evaluations": None, "generations": 1}
    both = make(objectives=f"params,-{PROXY}", proxy="croze", **options)
    found = evonas.search(both, tmp_path / "run")
    assert [one.name for one in found.objectives] == ["params", PROXY] and found.front
    with Run.read(tmp_path / "run") as run:
        assert [name for name, _ in json.loads(run.meta("objectives") or "")] == ["params", PROXY]
    with pytest.raises(UsageError, match="--constraint cannot limit 'trained:fast:1:"):
        evonas.search(make(constraints=[f"{PROXY}>=0"]), tmp_path / "limited")


def test_other_images_are_another_fitness(make: Settings, tmp_path: Path, pictures: str) -> None:
    evonas.search(make(), tmp_path / "run")
    (identity,) = fitness_of(PROXY).within(make()).identity().values()
    assert identity["data"]["images"] == 65 and identity["eps"] == 16.0 and identity["recipe"]["epochs"] == 1
    then = {**identity, "data": {"images": 1, "order": ""}}
    said = fitness_of(PROXY).within(make()).changed(PROXY, then, identity)
    assert said == f"trained its genotypes on other images than those of {pictures}; start a new run"


def test_the_normal_form_has_recipe_epochs_and_numbers_by_name() -> None:
    assert fitness_of("trained").text == "trained:fast:2"
    assert fitness_of("trained:fast-adv").text == "trained:fast-adv:2"
    assert fitness_of("trained:fast:3:lr=.1:eps=8").text == "trained:fast:3:eps=8:lr=.1"
    assert fitness_of("trained:pgd7:2:eps=4").eps == 4.0 == fitness_of("trained:pgd7:2:eps=4").recipe.eps
    assert fitness_of("trained").eps == 1.0 and fitness_of("trained:fast:2:eps=0").eps == 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trained:fest", "unknown recipe 'fest': did you mean fast"),
        ("trained:fast:0", "epochs must be from 1"),
        ("trained:fast:x", "trained is used as"),
        ("trained:fast:2:lr", "trained is used as"),
        ("trained:fast:2:lr=1=2", "trained is used as"),
        ("trained:fast:2:nothing=1", "a recipe has no setting 'nothing'"),
        ("trained:fast:2:eps=-1", "eps must be from 0 to 255"),
        ("trained:fast:2:eps=nan", "eps must be from 0 to 255"),
        ("trained::", "trained is used as"),
    ],
)
def test_a_wrong_text_is_one_message(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        fitness_of(text)


def test_images_that_do_not_suffice_are_one_message(make: Settings, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        evonas.search(make(proxy="trained:fast:1:batch_size=256"), tmp_path / "run")
    told = "batch_size=256 is larger than the 59 training images; add batch_size=32"
    assert str(caught.value) == f"trained:fast:1:batch_size=256: {told}" and not (tmp_path / "run").exists()


def test_several_processes_do_not_search(make: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="run the search without torchrun"):
        evonas.search(make(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_unlikely_numbers_are_doubted(make: Settings) -> None:
    space = spaces["nasbench201"]
    assert not fitness_of(PROXY).within(make()).check(space)
    (idle,) = fitness_of("trained:fast:1:steps=3").within(make()).check(space)
    assert idle.startswith("trained:fast:1:steps=3: steps has no effect") and idle.endswith("; add adversary=pgd")
    for recipe in ("fast", "fast-adv"):
        (tiny,) = fitness_of(f"trained:{recipe}:1:eps=0.03").within(make()).check(space)
        assert "1/255" in tiny and "--" not in tiny


def test_without_a_search_there_are_no_images() -> None:
    with pytest.raises(UsageError, match="trains on the images of a search"):
        ShortTraining("fast:1").identity()


def test_the_score_command_trains(make: Settings) -> None:
    cell = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    rows = evonas.score([cell], [PROXY], dataclasses.replace(make(), proxy="croze"))
    assert rows[0].scores[PROXY] is not None and not rows[0].reasons
