"""The commands of docs/photographs.md run at a small size."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from pathlib import Path

from tests import forks

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "photographs.md").read_text(encoding="utf-8")
SMALLER = {  # after the options of the page
    "search": "--image-size 66 --channels 2 --layers 1 --population 2 --children 1 --generations 1 --batch-size 2 "
    "--epochs 1 --set batch_size=4 --images 2 --checks 0",
    "evaluate": "--images 2 --steps 2 --checks 0 --eps 1 --certify ibp",
    "report": "",
    "train": "--image-size 66 --channels 2 --layers 1 --epochs 1 --set batch_size=4",
}


def test_photographs_go_from_files_to_a_report(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("photographs", ROOT / "docs" / "photographs.py")
    assert spec is not None and spec.loader is not None and "    python photographs.py photographs\n" in PAGE
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.make(tmp_path / "photographs", {"train": 6, "test": 2})
    said = ""
    for command in re.findall(r"^    evonas (.*)$", PAGE, re.MULTILINE):
        done = forks.run(*shlex.split(f"{command} {SMALLER[command.split()[0]]}"), cwd=tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        said += done.stdout + done.stderr
    assert "stem imagenet, as images have 66 pixels" in said
    assert "2 classes, 12 training and 4 test images" in said
    evaluation = json.loads((tmp_path / "runs" / "photographs" / "evaluation.json").read_text())
    assert evaluation["corruptions"]["source"] == "regenerated as in ImageNet-C"
    assert evaluation["assessments"]["ibp"]
    report = (tmp_path / "runs" / "photographs" / "report.html").read_text()
    assert report.count('<img class="photograph" src="data:image/jpeg;base64,') > 4
    settings = json.loads((tmp_path / "runs" / "weighted" / "train" / "settings.json").read_text())
    numbers = settings["numbers"]
    assert (settings["stem"], numbers["weighted"], numbers["area"]) == ("imagenet", True, 0.08)
