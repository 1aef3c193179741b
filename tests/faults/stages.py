"""The three stages at their smallest: what starts them, what continues them, and what they must end with."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evonas.core.digests import tensors_digest
from evonas.training import checkpoint
from tests.evonas.conftest import content
from tests.faults.forking import Ended, Forks

CELL = "|nor_conv_1x1~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|none~2|"
SMALL = ("--space", "nasbench201", "--channels", "2", "--layers", "1", "--device", "cpu")
SEARCH = ("search", *SMALL, "--seed", "5", "--batch-size", "2", "--population", "6", "--children", "3")
SEARCH += ("--generations", "5", "--run", "run")
COMPOSITE = ("--proxy", "naswot+params*2", "--generations", "2")
TRAIN = ("train", CELL, *SMALL, "--epochs", "3", "--batch-size", "12", "--run", "run")
EVALUATE = ("evaluate", "run", "--images", "6", "--batch-size", "2", "--steps", "2", "--eps", "8,4")
EVALUATE += ("--no-corruptions", "--checks", "0", "--device", "cpu")
AGAIN = ("is not a run", "is empty", "has no training")  # messages about a run that was stopped before it started


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage in the directory ``run`` of a working directory."""

    start: tuple[str, ...]
    go_on: tuple[str, ...]
    outcome: Callable[[Path], Any]  # of the run: what must not depend on interruptions
    before: Path | None = None  # a run as it is when the stage begins; None: there is none yet

    def prepare(self, directory: Path) -> Path:
        """A working directory in which the stage can begin."""
        directory.mkdir(parents=True, exist_ok=True)
        if self.before is not None:
            shutil.copytree(self.before, directory / "run")
        return directory

    def finish(self, forks: Forks, directory: Path) -> Ended:
        """Continue whatever there is; start anew if there is nothing. Fails unless that ends well."""
        ended = forks.run(*self.go_on, cwd=directory)
        if ended.code == 2 and any(text in ended.output for text in AGAIN):
            ended = forks.run(*self.start, cwd=directory)
        assert ended.code == 0, ended.output
        return ended


def searched(run: Path) -> Any:
    """run.db without its times, and best.json."""
    return content(run), json.loads((run / "best.json").read_text())


def trained(run: Path) -> Any:
    """Both checkpoints, the table of epochs and the result, without their times."""
    found: dict[str, Any] = {}
    for name in ("best", "last"):
        one = checkpoint.load(run / "train" / f"{name}.safetensors")
        facts = {key: value for key, value in one.facts.items() if key != "history"}
        found[name] = one.epoch, one.settings, facts, tensors_digest(one.tensors)
    with (run / "train" / "metrics.csv").open(newline="") as file:
        found["epochs"] = [{key: row[key] for key in row if key != "seconds"} for row in csv.DictReader(file)]
    result = json.loads((run / "train" / "result.json").read_text())
    return found, {key: value for key, value in result.items() if key != "seconds"}


def evaluated(run: Path) -> Any:
    """evaluation.json."""
    return json.loads((run / "evaluation.json").read_text())


def everything(run: Path) -> Any:
    """All three."""
    return searched(run), trained(run), evaluated(run)


def stages(pictures: str, trained_run: Path | None) -> dict[str, Stage]:
    """By name; an evaluation needs the run of a training."""
    data = ("--dataset", pictures)
    resume = ("resume", "run")
    whole = (*SEARCH, *data, "--epochs", "2", "--set", "batch_size=12", "--images", "2")
    return {
        "search": Stage((*SEARCH, *data, "--proxy", "params", "--no-final"), resume, searched),
        "training": Stage((*TRAIN, *data), resume, trained),
        "evaluation": Stage(EVALUATE, EVALUATE, evaluated, trained_run),
        "composite": Stage((*SEARCH, *data, *COMPOSITE, "--no-final"), resume, searched),
        "pipeline": Stage((*whole, "--proxy", "params", "--finalists", "2"), resume, everything),
    }
