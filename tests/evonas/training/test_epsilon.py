"""Sizes of perturbations in another unit than the literature's: questioned in one line, wherever one is taken."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import EvaluateSettings, UsageError
from evonas.core.events import Listener, Warned
from evonas.training.epsilon import question, read
from evonas.training.plan import FinalPlan
from tests.evonas.cli.test_cli import run
from tests.evonas.trained import LIGHT
from tests.pictures import bright_and_dark

ASKS = "--eps 0.0314 is in 1/255 of the pixel range; 8/255 is written --eps 8"
SMALL = ["--channels", "4", "--layers", "3", "--image-size", "16", "--dataset", "folder:data"]


class Heard(Listener):
    """Keeps what it is warned of."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, event: Warned) -> None:
        text = event.text
        self.lines.append(text)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((0.0314,), "--eps 0.0314 is in 1/255 of the pixel range; 8/255 is written --eps 8"),
        (
            (0.031, 0.0157),
            "--eps 0.031,0.0157 is in 1/255 of the pixel range; 8/255, 4/255 is written --eps 8,4",
        ),
        ((8.0, 0.3), "--eps 0.3 is in 1/255 of the pixel range; 76.5/255 is written --eps 76.5"),
        ((0.001,), "--eps 0.001 is in 1/255 of the pixel range: so small a perturbation changes hardly any pixel"),
        ((8.0, 0.5, 0.0, 255.0), ""),
    ],
)
def test_a_size_below_a_half_is_questioned(sizes: tuple[float, ...], expected: str) -> None:
    assert question("--eps ", sizes) == expected


def test_a_size_may_be_written_as_the_literature_writes_it() -> None:
    assert (read("8/255"), read(" 8 / 255 "), read("0.5"), read("4")) == (8.0, 8.0, 0.5, 4.0)
    assert EvaluateSettings.from_options(eps="8/255,4").epsilons == (8.0, 4.0)
    for text in ("8/256", "8/", "x", ""):
        with pytest.raises(ValueError, match=r"8/|could not convert"):
            read(text)
    with pytest.raises(UsageError, match=r"such as 8,4 or 8/255, not '8/256'"):
        EvaluateSettings.from_options(eps="8/256")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with pictures in ``data`` and a network that was trained for an epoch in ``t``."""
    path = tmp_path_factory.mktemp("epsilon")
    (path / "data").mkdir()
    bright_and_dark(path / "data", 20)
    done = run("train", LIGHT, *SMALL, "--epochs", "1", "--run", "t", cwd=path)
    assert done.returncode == 0, done.stderr
    return path


ONE = ["--epochs", "1", "--batch-size", "16", "--set", "crop=2"]
QUIET = ["--no-corruptions", "--checks", "0", "--attacks", "fgsm"]
COMMANDS: dict[str, tuple[list[str], str]] = {
    "evaluate": (["evaluate", "t", "--eps", "0.0314", *QUIET], ASKS),
    "evaluate as JSON": (["evaluate", "t", "--eps", "0.0314", "--json", *QUIET], ASKS),
    "a step": (
        ["evaluate", "t", "--step-size", "0.0078", "--steps", "2", *QUIET, "--attacks", "pgd"],
        "2 steps of --step-size 0.0078 (in 1/255 of the pixel range) do not reach an epsilon of 8/255",
    ),
    "train": (
        ["train", LIGHT, *SMALL, "--recipe", "fast-adv", "--set", "eps=0.0314", *ONE, "--run", "a"],
        "--set eps=0.0314 is in 1/255 of the pixel range; 8/255 is written --set eps=8",
    ),
    "train without an attack": (
        ["train", LIGHT, *SMALL, "--set", "eps=8/255", *ONE, "--run", "b"],
        "eps has no effect without an attack in training; add --set adversary=pgd",
    ),
    "search with finalists": (
        [
            *["search", *SMALL, "--space", "nasbench201", "--proxy", "params", "--population", "3", "--run", "s"],
            *[
                "--generations",
                "1",
                "--finalists",
                "2",
                "--recipe",
                "fast-adv",
                "--set",
                "eps=0.0314",
                "--set",
                "crop=2",
                "--epochs",
                "1",
                "--checks",
                "0",
                "--train-batch-size",
                "16",
            ],
        ],
        "--set eps=0.0314 is in 1/255 of the pixel range; 8/255 is written --set eps=8",
    ),
}


def test_certified_radii_may_be_small() -> None:
    assert EvaluateSettings(epsilons=(0.1,)).doubts
    assert EvaluateSettings(epsilons=(0.1,), certify=("ibp",)).doubts == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_command_asks_in_one_line_and_goes_on(name: str, folder: Path) -> None:
    words, line = COMMANDS[name]
    done = run(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
    spoken = (done.stderr if "--json" in words else done.stdout).splitlines()
    assert [text for text in spoken if line in text] == [text for text in spoken if text.startswith("warning: ")]
    assert sum(text.startswith("warning: ") for text in spoken) == 1


def test_the_question_stands_in_the_log_of_the_run(folder: Path) -> None:
    run(*COMMANDS["train"][0][:-1], "logged", cwd=folder)
    assert "warning: --set eps=0.0314" in (folder / "logged" / "run.log").read_text()


def test_without_an_observer_the_question_is_a_python_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)  # the data set is named relative to it
    settings = EvaluateSettings(epsilons=(0.0314,), attacks=("fgsm",), corruptions=False, checks=0)
    with pytest.warns(UserWarning, match="8/255 is written --eps 8"):
        evonas.evaluate(folder / "t", settings)
    watching = Heard()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evonas.evaluate(folder / "t", settings, watching)
    assert watching.lines == [ASKS]


def test_a_plan_takes_the_size_as_it_is_written() -> None:
    options: dict[str, Any] = {"recipe": "fast-adv", "overrides": {"eps": "8/255"}}
    assert FinalPlan(**options).overrides == {"eps": "8/255"}
    with pytest.raises(UsageError, match="eps must be a number of 1/255, such as 8 or 8/255, not '8/256'"):
        FinalPlan(**{**options, "overrides": {"eps": "8/256"}})
