"""Every number of a recipe against the images that it meets, kind by kind."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from evonas import UsageError
from evonas.store.settings import SearchSettings
from evonas.training.fitting import FREE, LIMITS, OF_STORED
from evonas.training.overrides import overrides
from evonas.training.recipe import Recipe
from evonas.training.settings import TrainSettings
from evonas.training.train_stage import settings_of
from spaces.nasbench201.genotype import EXAMPLE
from tests.evonas.cli.test_cli import run
from tests.evonas.trained import LIGHT
from tests.pictures import bright_and_dark

# number, what is asked for, the settings around it, what the message says
REFUSED: list[tuple[str, Any, dict[str, Any], str]] = [
    ("batch_size", 50, {}, "batch_size=50 is larger than the 49 training images; add --set batch_size=32$"),
    ("cutout", 16, {}, "cutout=16 covers images of 16 pixels; add --set cutout=8$"),
    ("cutout", 40, {}, "covers images of 16 pixels"),
    ("crop", 16, {}, "crop=16 moves images of 16 pixels out of view; add --set crop=2$"),
    ("auxiliary", 0.4, {}, "needs images of 32 pixels.*these have 16; add --set auxiliary=0$"),
    ("auxiliary", 0.4, {"image_size": 192}, "needs images of 193 pixels.*these have 192; add --set auxiliary=0$"),
    ("auxiliary", 0.4, {"space": "nasbench201"}, "which nasbench201 networks do not have"),
    ("drop_path", 0.2, {"space": "nasbench201"}, "needs paths to drop"),
    ("flip", True, {"dataset": "digits"}, "flipped.*add --set flip=false$"),
    ("milestones", (2, 3), {}, "milestone 3 lies outside a training of 3 epochs"),
    ("milestones", (0,), {}, "milestone 0 lies outside"),
    ("eps", 300, {}, "eps must be from 0 to 255"),
    ("step_size", 256, {}, "step_size must be from 0 to 255"),
    ("epochs", 0, {}, "epochs must be from 1"),
    ("drop_path", 1.0, {}, "drop_path must be from 0 to 0.99"),
    ("label_smoothing", 1.0, {}, "label_smoothing must be from 0 to 0.99"),
    ("ema", 1.0, {}, "ema must be from 0 to"),
    ("momentum", 1.0, {}, "momentum must be from 0 to"),
    ("weight_decay", -1.0, {}, "weight_decay must be from 0"),
    ("lr", 0.0, {}, "lr must be above 0"),
    ("clip", -1.0, {}, "clip must be from 0"),
    ("steps", 0, {}, "steps must be from 1"),
]
FITS: list[tuple[str, Any, dict[str, Any]]] = [
    ("auxiliary", 0.4, {"image_size": 193}),
    ("auxiliary", 0.4, {"image_size": 65, "stem": "cifar"}),
    ("batch_size", 49, {}),
    ("cutout", 15, {}),
    ("crop", 15, {}),
    ("milestones", (1, 2), {}),
    ("drop_path", 0.99, {}),
    ("flip", True, {}),
    ("eps", 255, {}),
]
# recipe and settings whose default does not fit: what it becomes, and what is said
LOWERED: list[tuple[str, dict[str, Any], str, Any, str]] = [
    ("croze200", {}, "batch_size", 32, "batch_size is lowered to 32: 128 is larger than the 49 training images"),
    (
        "fast",
        {"validation": 43},
        "batch_size",
        16,
        "batch_size is lowered to 16: 32 is larger than the 22 training images",
    ),
    ("darts600", {}, "cutout", 8, "cutout is lowered to 8: 16 covers images of 16 pixels"),
    ("darts600", {}, "auxiliary", 0, "auxiliary is lowered to 0: 0.4 needs images of 32 pixels"),
    ("fast", {"image_size": 8}, "cutout", 4, "cutout is lowered to 4: 8 covers images of 8 pixels"),
    ("fast", {}, "crop", 2, "crop is lowered to 2: 4 is far for images of 16 pixels"),
    ("fast", {"image_size": 4}, "crop", 0, "crop is lowered to 0: 4 moves images of 4 pixels out of view"),
    ("fast", {"image_size": 24}, "crop", 4, ""),
    ("fast", {"space": "nasbench201"}, "drop_path", 0, ""),  # documented, not said
    ("fast", {"dataset": "digits"}, "flip", False, ""),
]


@pytest.fixture
def make(pictures: str) -> Any:
    """Settings of 65 pictures of 16 pixels, 49 of them to learn from."""

    def make(around: dict[str, Any], recipe: str = "fast", **numbers: Any) -> TrainSettings:
        genotype = EXAMPLE if around.get("space") == "nasbench201" else LIGHT
        options = {
            "dataset": pictures,
            "image_size": 16,
            "validation": 16,
            "device": "cpu",
            "channels": 2,
            **around,
        }
        return TrainSettings(genotype, recipe=recipe, layers=3, overrides=numbers, **options)

    return make


def test_every_number_of_a_recipe_is_looked_at_or_said_to_need_no_look() -> None:
    assert LIMITS.keys() | FREE == {field.name for field in dataclasses.fields(Recipe)}
    assert not LIMITS.keys() & FREE and set(OF_STORED) <= LIMITS.keys()
    assert {name for name, *_ in REFUSED} >= LIMITS.keys()


@pytest.mark.parametrize(("name", "value", "around", "message"), REFUSED)
def test_a_number_that_was_asked_for_is_refused_where_it_does_not_fit(
    make: Any, name: str, value: Any, around: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make(around, **{"epochs": 3, name: value}).resolve()


@pytest.mark.parametrize(("name", "value", "around"), FITS)
def test_the_largest_number_that_fits_is_taken(make: Any, name: str, value: Any, around: dict[str, Any]) -> None:
    lines: list[str] = []
    settings = make(around, **{"epochs": 3, "crop": 2, name: value}).resolve(lines.append)
    assert getattr(settings.chosen, name) == value and lines == []


@pytest.mark.parametrize(("recipe", "around", "name", "value", "line"), LOWERED)
def test_a_default_that_does_not_fit_is_lowered_and_said(
    make: Any, recipe: str, around: dict[str, Any], name: str, value: Any, line: str
) -> None:
    lines: list[str] = []
    settings = make(around, recipe).resolve(lines.append)
    assert getattr(settings.chosen, name) == value
    said = [text for text in lines if text.startswith(f"{name} ")]
    assert [text.startswith(line) for text in said] == ([True] if line else [])
    assert settings.resolve().chosen == settings.chosen  # what is stored is what a resume finds


def test_a_rate_that_grows_with_the_batch_follows_a_lowered_one(make: Any) -> None:
    settings = make({"validation": 43}).resolve()
    assert settings.chosen.lr == pytest.approx(0.8 * 16 / 512)


def test_a_training_of_before_goes_on_with_the_numbers_that_it_has(make: Any) -> None:
    stored = make({}).resolve()
    old = dataclasses.replace(stored, numbers=dataclasses.replace(stored.chosen, cutout=16, crop=16))
    assert old.resolve().chosen == old.chosen


def test_a_number_is_given_once() -> None:
    with pytest.raises(UsageError, match="batch_size is given twice: 8 and --set batch_size=16"):
        overrides(["batch_size=16"], batch_size=8)


def test_the_score_and_the_training_of_a_search_have_a_batch_each(tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    bright_and_dark(tmp_path / "few", 4)
    small = ["search", "--dataset", "folder:few", "--image-size", "8", "--channels", "4", "--layers", "1"]
    small += ["--space", "nasbench201"]
    small += ["--proxy", "snip", "--population", "3", "--generations", "1", "--epochs", "1", "--checks", "0"]
    done = run(*small, "--run", "r", "--train-batch-size", "4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "warning: --batch-size is lowered from 8 to 6: folder:few has 6 training images" in done.stdout
    assert SearchSettings.from_json(_meta(tmp_path / "r")).batch_size == 6
    assert settings_of(tmp_path / "r").chosen.batch_size == 4
    assert (
        "--batch-size 6" in run("report", "r", cwd=tmp_path).stdout + (tmp_path / "r" / "report.html").read_text()
    )
    refused = run(*small, "--run", "s", "--batch-size", "8", cwd=tmp_path)
    assert refused.returncode == 2 and "--batch-size 8 is larger than the training set" in refused.stderr
    refused = run(*small, "--run", "s", "--train-batch-size", "6", cwd=tmp_path)
    assert refused.returncode == 2 and "batch_size=6 is larger than the 5 training images" in refused.stderr
    assert not (tmp_path / "s").exists()


def _meta(path: Path) -> str:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path / "run.db")) as db:
        return json.dumps(json.loads(db.execute("SELECT value FROM meta WHERE key = 'settings'").fetchone()[0]))
