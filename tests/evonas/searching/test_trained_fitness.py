"""The fitness that trains each genotype for a few epochs."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import SearchSettings, UsageError
from evonas.core.signals import Interrupted
from evonas.searching.objectives.named import fitness_of
from evonas.searching.objectives.trained import ShortTraining
from evonas.store.run import Run
from evonas.training import checkpoint
from evonas.training.divergence import NotFinite
from evonas.training.images import split
from evonas.training.measure import robust_accuracy
from evonas.training.settings import TrainSettings
from evonas.training.training import Training
from tests.evonas.conftest import content
from tests.warm import WarmProcesses

Settings = Callable[..., SearchSettings]
PROXY = "trained:fast:1:batch_size=16:cutout=0:eps=16:lr=0.2"


@pytest.fixture
def make(pictures: str) -> Settings:
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


def test_without_a_search_there_are_no_images() -> None:
    with pytest.raises(UsageError, match="trains on the images of a search"):
        ShortTraining("fast:1").identity()


def test_the_score_command_trains(make: Settings) -> None:
    cell = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    rows = evonas.score([cell], [PROXY], dataclasses.replace(make(), proxy="croze"))
    assert rows[0].scores[PROXY] is not None and not rows[0].reasons
