"""An evaluation of weights that are not there any more is nobody's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import evonas
from evonas import UsageError
from evonas.core.digests import tensors_digest
from evonas.reporting.facts import gather
from evonas.reporting.html.page import page
from evonas.training import checkpoint
from tests.evonas.reporting.test_overview import shown


@pytest.fixture
def trained_on(finished_run: Path, tmp_path: Path) -> Path:
    """A run whose weights have changed since it was evaluated."""
    run = Path(shutil.copytree(finished_run, tmp_path / "run"))
    best = run / "train" / "best.safetensors"
    found = checkpoint.load(best)
    name = checkpoint.MODEL + "network.classifier.bias"
    tensors = {**found.tensors, name: found.tensors[name] + 1}
    checkpoint.write(best, found.settings, found.epoch, found.facts, tensors)
    return run


def test_the_digest_of_a_file_is_that_of_its_network(finished_run: Path) -> None:
    best = finished_run / "train" / "best.safetensors"
    expected = tensors_digest(checkpoint.load(best).model().state_dict())
    assert checkpoint.weights_digest(best) == expected
    assert json.loads((finished_run / "evaluation.json").read_text())["weights"] == expected


def test_an_evaluation_of_other_weights_is_shown_nowhere(trained_on: Path, tmp_path: Path) -> None:
    summary = evonas.summarise(trained_on)
    assert summary.evaluation is None and summary.stage == "trained"
    advice = f"evonas evaluate {trained_on}"
    assert advice in summary.note and advice in shown(summary)
    text = page(gather(trained_on))
    assert advice in text and "Accuracy against epsilon" not in text
    with pytest.raises(UsageError, match="belongs to other weights"):
        evonas.api.compare([trained_on])
    card = evonas.export(trained_on, ["genotype"], tmp_path / "export").card.read_text()
    assert "Not evaluated" in card and "| clean |" not in card


def test_a_damaged_checkpoint_does_not_keep_a_run_from_being_shown(trained_on: Path) -> None:
    (trained_on / "train" / "best.safetensors").write_bytes(b"nothing")
    summary = evonas.summarise(trained_on)
    assert summary.evaluation is None and "is damaged" in summary.note and "is damaged" in shown(summary)


def test_an_evaluation_that_names_no_weights_is_taken_as_it_is(trained_on: Path) -> None:
    found = json.loads((trained_on / "evaluation.json").read_text())
    del found["weights"]
    (trained_on / "evaluation.json").write_text(json.dumps(found))
    summary = evonas.summarise(trained_on)
    assert summary.evaluation is not None and summary.evaluation.as_json() == found
    assert summary.stage == "evaluated" and not summary.note
