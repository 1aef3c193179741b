"""An evaluation on a scratch disk: stopped, it is in the run; in the end it is that of one without."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import EvaluateSettings, EvonasError, UsageError
from evonas.core.events import Event, Listener
from evonas.core.locks import held
from evonas.core.signals import Interrupted
from evonas.evaluation.events import ImagesMeasured

SETTINGS = EvaluateSettings(
    attacks=("fgsm", "pgd"), epsilons=8, images=6, steps=2, batch_size=2, checks=0, corruptions=False, device="cpu"
)


class Stopping(Listener):
    """Asks the evaluation to stop when the second attack has been tried on four images."""

    def __init__(self, local: Path) -> None:
        self.local = local

    def measuring(self, event: ImagesMeasured) -> None:
        if "pgd" in event.what.lower() and event.done == 4:
            assert [*self.local.glob("*/run/evaluation.db")]
            raise KeyboardInterrupt


def written(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "evaluation.json").read_text())
    assert found.pop("checkpoint") == str(run / "train" / "best.safetensors")
    return found


def test_an_evaluation_on_scratch_is_that_of_the_run(picture_run: Path, tmp_path: Path) -> None:
    usual, run = (Path(shutil.copytree(picture_run, tmp_path / name)) for name in ("usual", "run"))
    local, heard = tmp_path / "local", list[Event]()
    evonas.evaluate(usual, SETTINGS)
    with held(run), pytest.raises(EvonasError, match=f"{run} is in use by process"):
        evonas.evaluate(run, SETTINGS, scratch=local)
    with pytest.raises(Interrupted, match="finished work is saved"):
        evonas.evaluate(run, SETTINGS, Stopping(local), scratch=local)
    assert (run / "evaluation.db").is_file() and not (run / "evaluation.json").exists()
    found = evonas.evaluate(run, SETTINGS, heard.append, scratch=local, per_image=tmp_path / "images.csv")
    assert found.path == run / "evaluation.json" and written(run) == written(usual)
    assert (tmp_path / "images.csv").is_file() and not [event for event in heard if "local" in str(event)]
    assert not [*local.iterdir()]
    with pytest.raises(UsageError, match="leave it out for a checkpoint"):
        evonas.evaluate(run / "train" / "best.safetensors", SETTINGS, scratch=local)
