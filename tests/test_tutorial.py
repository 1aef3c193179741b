"""The commands of the tutorial run from top to bottom, at a smaller size."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests import forks

PAGE = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")
(PICTURES,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
]
SMALLER = {  # by verb; the last value of an option counts
    "tabulate": "--channels 2 --layers 1 --sample 30 --seeds-for 2 --epochs 1 --batch-size 512"
    " --images 20 --steps 1 --no-corruptions",
    "correlate": "--proxy params,croze --target clean,attacks",
    "calibrate": "--proxy params,croze",
    "search": "--channels 2 --layers 1 --evaluations 8 --population 4 --children 2"
    " --epochs 1 --train-batch-size 512 --images 20 --retrainings 1",
    "resume": "--controls 2",
}


def small(command: str) -> list[str]:
    program, verb, *arguments = shlex.split(command)
    assert program == "evonas"
    if verb == "evaluate":
        arguments += ["--images", "20", "--no-corruptions", "--checks", "0"]
    return [verb, *arguments, *shlex.split(SMALLER.get(verb, ""))]


def test_the_tutorial_runs_from_top_to_bottom(tmp_path: Path) -> None:
    done = forks.run("-c", PICTURES, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len([*tmp_path.glob("pictures/train/*/*.png")]) == 1437
    verbs = []
    for command in COMMANDS:
        arguments = small(command)
        done = forks.run(*arguments, cwd=tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        verbs.append(arguments[0])
    assert verbs == ["tabulate", "correlate", "calibrate", "search", "evaluate", "resume", "verify", "report"]
    assert (tmp_path / "runs" / "pictures" / "report.html").exists()
    assert json.loads((tmp_path / "runs" / "pictures" / "controls.json").read_text())["columns"]


@pytest.mark.slow
def test_the_tutorial_runs_as_it_is_written(tmp_path: Path) -> None:
    assert forks.run("-c", PICTURES, cwd=tmp_path).returncode == 0
    for command in COMMANDS:
        done = forks.run(*shlex.split(command)[1:], cwd=tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
