"""Networks side by side: what was measured, beside what the literature reports."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from evonas import EvonasError, SearchSettings, UsageError, api
from evonas.evaluation.published import TABLE_3
from evonas.evaluation.rates import hrs
from evonas.reporting.comparison import compared
from evonas.training import checkpoint
from evonas.training.plan import FinalPlan
from evonas.training.settings import TrainSettings
from spaces import spaces
from tests.evonas.trained import LIGHT


def rendered(renderable: RenderableType) -> str:
    """As a wide terminal shows it."""
    console = Console(file=io.StringIO(), width=200)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]


FGSM = {"accuracy": 0.3, "n": 50, "ci95": [0.2, 0.4], "epsilon": 8.0}
EVALUATION: dict[str, Any] = {
    "clean": {"accuracy": 0.9, "n": 50, "ci95": [0.8, 0.95]},
    "fgsm": FGSM,
    "corruptions": {"source": "regenerated", "mean": 0.6, "table": {}},
    "hrs": {"fgsm": 0.45},
}


@pytest.fixture
def evaluated(small: Callable[..., TrainSettings], tmp_path: Path) -> Path:
    """A checkpoint with an evaluation beside it."""
    settings = small()
    path = tmp_path / "some.safetensors"
    state = settings.build().state_dict()
    checkpoint.write(path, settings, 2, {}, {checkpoint.MODEL + name: value for name, value in state.items()})
    (tmp_path / "some.evaluation.json").write_text(json.dumps(EVALUATION))
    return path


def test_a_row_has_what_was_measured(evaluated: Path) -> None:
    (row,) = api.compare([evaluated])
    space, size = spaces["darts"], checkpoint.load(evaluated).settings.size
    assert row.params == space.params(space.parse(LIGHT), size)
    assert (row.clean, row.fgsm, row.corruptions, row.seconds) == (0.9, 0.3, 0.6, None)
    assert row.hrs == pytest.approx(0.45)
    assert "fast 2 epochs, seed 0, 50 test images, FGSM 8/255, corruptions regenerated, C=4, L=3" in row.protocol
    assert "[1] fast 2 epochs" in rendered(compared([row])) and "90.00 %" in rendered(compared([row]))


@pytest.mark.parametrize(
    ("dataset", "numbers"),
    [("cifar10", (5.52e6, 17066, 0.9445, 0.2238)), ("cifar100", (4.72e6, 17457, 0.7518, 0.1084))],
)
def test_beside_cifar_stand_the_published_rows(dataset: str, numbers: tuple[float, ...], evaluated: Path) -> None:
    found = checkpoint.load(evaluated)
    settings = TrainSettings.from_dict({**found.settings.as_dict(), "dataset": dataset})
    checkpoint.write(evaluated, settings, 2, {}, found.tensors)
    rows = api.compare([evaluated])
    assert [row.name for row in rows[1:]] == [row.method for row in TABLE_3[dataset]]
    croze = rows[-1]
    assert (croze.params, croze.seconds, croze.clean, croze.fgsm) == pytest.approx(numbers)
    assert f"{numbers[1]:,} s" in rendered(compared(rows)) and "[2] CRoZe paper, Table 3" in rendered(
        compared(rows)
    )


@pytest.mark.parametrize("dataset", list(TABLE_3))
def test_published_hrs_follow_from_published_accuracies(dataset: str) -> None:
    for row in TABLE_3[dataset]:
        assert 100 * hrs(row.clean / 100, row.fgsm / 100) == pytest.approx(row.hrs, abs=0.02)


def test_a_run_says_how_long_its_search_took(evaluated: Path, pictures: str, tmp_path: Path) -> None:
    settings = SearchSettings(proxy="params", dataset=pictures, image_size=16, channels=2, layers=1)
    settings = dataclasses.replace(
        settings, space="nasbench201", population=2, children=1, tournament=1, generations=1
    )
    api.search(
        settings, tmp_path / "run", final=FinalPlan(overrides={"epochs": 1, "batch_size": 16}, images=2, checks=0)
    )
    (tmp_path / "run" / "evaluation.json").write_text(json.dumps(EVALUATION))
    (row,) = api.compare([tmp_path / "run"])
    assert row.seconds is not None and row.seconds > 0


def test_what_was_not_evaluated_is_told_the_command(evaluated: Path) -> None:
    (evaluated.parent / "some.evaluation.json").unlink()
    with pytest.raises(UsageError, match=r"evonas evaluate .*some\.safetensors"):
        api.compare([evaluated])


def test_an_evaluation_that_cannot_be_read_is_named(evaluated: Path) -> None:
    (evaluated.parent / "some.evaluation.json").write_text("{")
    with pytest.raises(EvonasError, match=r"some\.evaluation\.json cannot be read"):
        api.compare([evaluated])


def beside(
    path: Path, small: Callable[..., TrainSettings], name: str, changed: dict[str, Any], **numbers: Any
) -> Path:
    """Another checkpoint with an evaluation, in which ``changed`` differs."""
    settings = small(**numbers)
    state = settings.build().state_dict()
    place = path.parent / f"{name}.safetensors"
    checkpoint.write(place, settings, 2, {}, {checkpoint.MODEL + key: value for key, value in state.items()})
    place.with_suffix(".evaluation.json").write_text(json.dumps({**MEASURED, **changed}))
    return place


SHARE = {
    "accuracy": 0.2,
    "n": 50,
    "ci95": [0.1, 0.3],
    "epsilon": 8.0,
    "steps": 20,
    "step_size": 1.0,
    "restarts": 1,
}
MEASURED: dict[str, Any] = {
    **EVALUATION,
    "pgd": SHARE,
    "epsilons": {"8": {"fgsm": EVALUATION["fgsm"], "pgd": SHARE}},
    "protocol": {"images": 50, "of": 80, "seed": 0},
}


def under_pgd(**numbers: Any) -> dict[str, Any]:
    """The attacks of an evaluation with other numbers of PGD."""
    pgd = {**SHARE, **numbers}
    return {"pgd": pgd, "epsilons": {"8": {"fgsm": FGSM, "pgd": pgd}}}


OTHER_CONDITIONS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "images": ({"clean": {**EVALUATION["clean"], "n": 80}}, {}, "images 80, not 50; drawn by unknown, not 0"),
    "draw": ({"protocol": {"images": 50, "of": 80, "seed": 1}}, {}, "drawn by 1, not 0"),
    "test set": ({"protocol": {"images": 50, "of": 90, "seed": 0}}, {}, "test set 90, not 80"),
    "epsilon": (
        {"epsilons": {"4": {"fgsm": {**FGSM, "epsilon": 4.0}, "pgd": {**SHARE, "epsilon": 4.0}}}},
        {},
        "epsilons 4, not 8",
    ),
    "steps": (under_pgd(steps=5), {}, "steps 5, not 20"),
    "step size": (under_pgd(step_size=2.0), {}, "step size 2, not 1"),
    "version": (under_pgd(version=2), {}, "versions pgd 2, not none"),
    "restarts": (under_pgd(restarts=3), {}, "restarts 3, not 1"),
    "attacks": ({"epsilons": {"8": {"fgsm": FGSM}}}, {}, "attacks fgsm, not fgsm,pgd"),
    "corruptions": ({"corruptions": None}, {}, "corruptions unknown, not regenerated"),
    "pixels": ({}, {"side": 8, "cutout": 4}, "image size 8, not 16"),
}


@pytest.mark.parametrize("kind", list(OTHER_CONDITIONS))
def test_rows_that_were_measured_otherwise_are_not_ranked(
    kind: str, evaluated: Path, small: Callable[..., TrainSettings]
) -> None:
    changed, numbers, why = OTHER_CONDITIONS[kind]
    same = beside(evaluated, small, "same", {"clean": {"accuracy": 0.7, "n": 50, "ci95": [0.6, 0.8]}})
    base = beside(evaluated, small, "base", {})
    other = beside(evaluated, small, "other", changed, **numbers)
    rows = api.compare([same, base, other])
    assert [row.group for row in rows] == [1, 1, 2]
    shown = rendered(compared(rows)).splitlines()
    by_name = {
        name: next(line for line in shown if f"{name}.safetensors" in line) for name in ("same", "base", "other")
    }
    assert "90.00 % *" in by_name["base"] and "70.00 %  " in by_name["same"] and "*" not in by_name["other"]
    assert f"groups 1 and 2 cannot be ranked against each other: {why}" in "\n".join(shown)
    head = shown[0]
    for words in ("2 classes", "16 pixels", "50 of 80 test images (seed 0)", "epsilon 8/255", "20 steps of 1/255"):
        assert words in head
    assert "corruptions regenerated" in head and rows[0].dataset in head


def test_published_rows_are_never_ranked_with_measured_ones(evaluated: Path) -> None:
    found = checkpoint.load(evaluated)
    settings = TrainSettings.from_dict({**found.settings.as_dict(), "dataset": "cifar10"})
    checkpoint.write(evaluated, settings, 2, {}, found.tensors)
    rows = api.compare([evaluated])
    assert {row.group for row in rows if row.published} == {2} and rows[0].group == 1
    assert "*" not in rendered(compared(rows)) and "2: published, not ranked" in rendered(compared(rows))
