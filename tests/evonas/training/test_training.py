"""A training learns, can be interrupted anywhere, and says what is wrong."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from evonas.core.events import Event, Listener, Message, Observer
from evonas.data import source
from evonas.training import checkpoint, measure, training
from evonas.training.events import StepDone
from evonas.training.images import Images, read, split
from evonas.training.measure import accuracy
from evonas.training.metrics import EpochRow
from evonas.training.parallel import Group
from evonas.training.paths import BEST, LAST, METRICS
from evonas.training.recipes import recipes
from evonas.training.settings import TrainSettings
from evonas.training.step import Step
from evonas.training.training import Trained, Training
from spaces import EvonasError, UsageError

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|"
Small = Callable[..., TrainSettings]


class Stop(Exception):
    """What happens to a process, at a moment that the test chooses."""


class StopAfter(Listener):
    """Ends the process, as it were, after some steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def step(self, event: StepDone) -> None:
        self.steps -= 1
        if self.steps == 0:
            raise Stop


def run(directory: Path, settings: TrainSettings, observer: Observer | None = None) -> Trained:
    directory.mkdir(exist_ok=True)
    return Training(directory, settings, observer or Listener(), Group()).run()


def without_times(rows: tuple[EpochRow, ...]) -> list[EpochRow]:
    return [row._replace(seconds=0) for row in rows]


@pytest.mark.parametrize("recipe", list(recipes))
def test_every_recipe_trains_and_its_checkpoints_load(
    recipe: str, small: Small, tmp_path: Path, device: str
) -> None:
    more = {"steps": 2} if recipe in ("pgd7", "sabr") else {}
    side = 32 if recipes[recipe].auxiliary else 16
    result = run(tmp_path, replace(small(recipe, side=side, epochs=1, **more), device=device))
    found = checkpoint.load(result.checkpoint)
    assert (tmp_path / METRICS).read_text().count("\n") == 2
    assert result.best.loss > 0 and 0 <= result.best.validation <= 1
    assert (result.best.robust is None) == (not recipes[recipe].judged)
    logits = found.model()(torch.rand(2, 3, side, side))
    assert logits.shape == (2, 2) and logits.isfinite().all()


@pytest.mark.parametrize(  # an epoch has 3 steps
    ("steps", "numbers"),
    [
        (5, {"adversary": "pgd", "steps": 1, "drop_path": 0.3}),
        (5, {"recipe": "sabr", "steps": 1, "ema": 0.9, "side": 8}),
        *(pytest.param(steps, {}, marks=pytest.mark.slow) for steps in (1, 6, 8)),
    ],
)
def test_a_training_that_was_killed_ends_like_one_that_was_not(
    steps: int, numbers: dict[str, object], small: Small, tmp_path: Path
) -> None:
    settings = small(epochs=3, **numbers)
    whole = run(tmp_path / "whole", settings)
    with pytest.raises(Stop):
        run(tmp_path / "killed", settings, StopAfter(steps))
    again = run(tmp_path / "killed", settings)
    assert without_times(again.history) == without_times(whole.history)
    for name in (LAST, BEST):
        expected, found = (checkpoint.load(tmp_path / kind / name).tensors for kind in ("whole", "killed"))
        assert expected.keys() == found.keys()
        assert all(torch.equal(expected[tensor], found[tensor]) for tensor in expected)


def test_it_learns(small: Small, tmp_path: Path, device: str) -> None:
    result = run(tmp_path, replace(small(epochs=12, cutout=0, drop_path=0, ema=0.9), device=device))
    assert result.best.validation >= 0.9
    assert result.history[-1].loss < result.history[0].loss


def test_the_best_epoch_is_kept(small: Small, tmp_path: Path) -> None:
    result = run(tmp_path, small(epochs=5))
    assert result.best.validation == max(row.validation for row in result.history)
    assert checkpoint.load(result.checkpoint).epoch == result.best.epoch


def test_noise_is_drawn_for_each_epoch_and_selects_the_best(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    usual_loss, loss = Step._usual_loss, Step._loss

    def usual(self: Step, pixels: torch.Tensor, *rest: Any) -> Any:
        self.clean = pixels  # type: ignore[attr-defined]
        return usual_loss(self, pixels, *rest)

    def noisy(self: Step, network: Any, pixels: torch.Tensor, labels: torch.Tensor) -> Any:
        seen.append((pixels - self.clean).std().item())  # type: ignore[attr-defined]
        return loss(self, network, pixels, labels)

    monkeypatch.setattr(Step, "_usual_loss", usual)
    monkeypatch.setattr(Step, "_loss", noisy)
    settings = small("gaussian", sigma=0.5)
    result = run(tmp_path, settings)
    assert seen == pytest.approx([0.5] * len(seen), rel=0.05) and len({*seen}) == len(seen) > 3
    assert result.best.robust == max(row.robust or 0 for row in result.history)
    assert settings.that_count["sigma"] == 0.5 and "under noise 0.5" in settings.chosen.judged


def test_a_training_without_the_numbers_that_were_added_has_the_digest_that_it_had(small: Small) -> None:
    settings = small()
    added = {"sigma", "certified", "optimiser", "initial", "box", "kappa", "warm_up", "ramp", "regulariser"}
    assert not added & {*settings.as_dict()["numbers"]}
    assert TrainSettings.from_dict(settings.as_dict()) == settings
    (line,) = settings.differences(small(sigma=0.25))
    assert line == "sigma 0.25, not 0.0"
    assert (
        added - {"sigma"} > {*small("ibp").as_dict()["numbers"]} - {*settings.as_dict()["numbers"]} > {"initial"}
    )


def test_fewer_training_images_are_the_same_for_every_seed_with_every_class_in_proportion(small: Small) -> None:
    settings = replace(small(), train_images=50, validation=None).resolve()
    everything = read(source(settings.dataset, None, settings.image_size), "train")
    numbered = Images(torch.arange(len(everything)), everything.labels)
    used = []
    for seed in (0, 1):
        parts = split(replace(settings, seed=seed), numbered)
        assert [len(part) for part in parts] == [50 - settings.validation, settings.validation]
        used.append(torch.cat([part.images for part in parts]).sort().values)
    assert used[0].equal(used[1]) and len(used[0].unique()) == 50
    counts, of_all = everything.labels[used[0]].bincount(), everything.labels.bincount()
    assert (counts - of_all * 50 / len(everything)).abs().max() < 1
    assert settings.that_count["train_images"] == 50 and "train_images" not in small().that_count
    assert settings.validation == 5


def test_the_best_of_an_adversarial_training_is_the_most_robust(small: Small, tmp_path: Path) -> None:
    result = run(tmp_path, small("pgd7", epochs=3, steps=1))
    assert result.best.robust == max(row.robust or 0 for row in result.history)


def test_a_loss_that_is_not_finite_stops_and_says_what_to_lower(small: Small, tmp_path: Path) -> None:
    settings = small(epochs=2, lr=1e6, clip=0, schedule="cosine")
    with pytest.raises(EvonasError, match=r"no longer finite in epoch \d .* --lr 2\.5e\+05"):
        run(tmp_path, settings)


def test_after_a_loss_that_is_not_finite_the_last_good_epoch_is_there(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = training.learning_rate
    monkeypatch.setattr(
        training, "learning_rate", lambda recipe, epoch, done: 1e30 if epoch else rate(recipe, 0, done)
    )
    with pytest.raises(EvonasError, match="epoch 1 is saved in"):
        run(tmp_path, small(epochs=3, clip=0))
    assert checkpoint.load(tmp_path / LAST).epoch == 1


def test_catastrophic_overfitting_takes_the_epoch_back_and_attacks_harder(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    robust = iter([0.8, 0.1, 0.75])
    monkeypatch.setattr(measure, "robust_accuracy", lambda *arguments: next(robust))
    said: list[str] = []

    def observer(event: Event) -> None:
        if isinstance(event, Message):
            said.append(event.text)

    result = run(tmp_path, small("fast-adv", epochs=2), observer)
    assert [row.adversary_steps for row in result.history] == [1, 2]
    assert [row.robust for row in result.history] == [0.8, 0.75]
    assert len(said) == 1 and "catastrophic overfitting" in said[0]


def test_the_settings_of_a_training_cannot_change_under_it(small: Small, tmp_path: Path) -> None:
    run(tmp_path, small(epochs=1))
    with pytest.raises(EvonasError, match=r"seed 0, not 1.*cutout 8, not 4"):
        run(tmp_path, small(epochs=1, seed=1, cutout=4))


def test_a_best_checkpoint_is_nothing_to_go_on_from(small: Small, tmp_path: Path) -> None:
    settings = small(epochs=1)
    run(tmp_path, settings)
    (tmp_path / LAST).write_bytes((tmp_path / BEST).read_bytes())
    with pytest.raises(EvonasError, match="cannot be continued"):
        run(tmp_path, settings)


def test_a_training_does_not_touch_the_global_random_state(small: Small, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    run(tmp_path, small("fast-adv", epochs=1))
    assert torch.equal(before, torch.get_rng_state())


def test_one_class_cannot_be_learned(pictures: str, tmp_path: Path) -> None:
    (tmp_path / "only").mkdir()
    for file in itertools.islice(Path(pictures.removeprefix("folder:")).glob("dark/*.png"), 20):
        (tmp_path / "only" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(EvonasError, match="class"):
        TrainSettings("DARTS_V2", dataset=f"folder:{tmp_path}", device="cpu").resolve()


def test_a_data_set_without_images_for_testing_is_refused_before_a_training(pictures: str, tmp_path: Path) -> None:
    for name in ("dark", "light"):
        (tmp_path / "test" / name).mkdir(parents=True)
    shutil.copytree(pictures.removeprefix("folder:"), tmp_path / "train")
    data = f"folder:{tmp_path}"
    with pytest.raises(EvonasError, match=r"no images found in .*test"):
        TrainSettings("DARTS_V2", dataset=data, device="cpu").resolve()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": "fsat"}, "did you mean fast"),
        ({"overrides": {"cutot": 1}}, "did you mean cutout"),
        ({"overrides": {"epochs": 0}}, "epochs must be from 1"),
        ({"overrides": {"lr": 0}}, "lr must be above 0"),
        ({"overrides": {"lr": float("nan")}}, "lr must be from"),
        ({"overrides": {"schedule": "cosin"}}, "did you mean cosine"),
        ({"validation": 0}, "--validation"),
        ({"train_images": 0}, "--train-images"),
        ({"seed": -1}, "--seed"),
        ({"precision": "float16"}, "bfloat16"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainSettings("DARTS_V2", **options)  # type: ignore[arg-type]


def test_an_auxiliary_head_is_left_out_where_there_is_none_and_refused_where_it_was_asked_for() -> None:
    lines: list[str] = []
    options = {"space": "nasbench201", "recipe": "darts600", "device": "cpu"}
    assert TrainSettings(CELL, **options).resolve(lines.append).chosen.auxiliary == 0  # type: ignore[arg-type]
    assert "auxiliary is lowered to 0: 0.4 needs an auxiliary head" in lines[0]
    with pytest.raises(UsageError, match="auxiliary=0"):
        TrainSettings(CELL, **options, overrides={"auxiliary": 0.4}).resolve()  # type: ignore[arg-type]


def test_a_network_whose_logits_are_not_finite_is_right_about_no_image() -> None:
    class Broken(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.full((len(images), 3), float("nan"))

    images = Images(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64))
    assert accuracy(Broken(), images) == 0.0
