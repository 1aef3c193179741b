"""An evaluation has one form in memory and one on disk; what is damaged is one message."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from evonas import EvonasError
from evonas.evaluation.outcomes import Attacked, Check, CorruptionTable
from evonas.evaluation.rates import Rate
from evonas.evaluation.result import Evaluation, Protocol
from evonas.evaluation.stored import read
from evonas.evaluation.target import in_run

SPLIT = {"count": 60, "images": "0" * 64, "labels": "1" * 64, "order": "2" * 64}
FINE = 0.0314159265  # its key in the file has six digits


def attacked(epsilon: float, right: int, parts: int = 0, name: str = "pgd") -> Attacked:
    members = tuple((name, right / 50) for name in ("apgd-ce", "square")[:parts])
    numbers = {"epsilon": epsilon, "steps": 20, "step_size": 2.5 * epsilon / 20}
    return Attacked.of(numbers, Rate.of(right, 50), members, attack=name)


WHOLE = Evaluation(
    clean=Rate.of(45, 50),
    epsilons=(8.0, FINE),
    attacks={"pgd": {8.0: attacked(8.0, 3), FINE: attacked(FINE, 40)}, "more": {8.0: attacked(8.0, 2, 2, "more")}},
    checks=(Check("no gradient vanishes", False, "3 of 45"),),
    protocol=Protocol(split="test", of=60, images=50, norm="L-infinity", seed=1, device="cpu"),
    corruptions=CorruptionTable(
        source="regenerated", n=50, mean=0.5, groups={"weather": 0.5}, table={"fog": (0.7, 0.6, 0.5, 0.4, 0.3)}
    ),
    facts={"weights": "3" * 64, "dataset": "digits", "data": {"status": "same", "classes": ["a"], "test": SPLIT}},
    versions={"torch": "2.0"},
)


def stored(evaluation: Evaluation) -> Any:
    """As it is read from a file."""
    return json.loads(json.dumps(evaluation.as_json()))


def test_what_is_written_is_what_is_read() -> None:
    again = Evaluation.from_json(stored(WHOLE))
    assert again == WHOLE and again.as_json() == WHOLE.as_json()
    assert list(again.as_json()) == list(WHOLE.as_json())
    assert again.epsilons == (8.0, FINE) and list(again.at(FINE)) == ["pgd"] and again.failed and again.test


@pytest.mark.parametrize("missing", ["epsilons", "checks", "protocol", "versions", "data", "weights"])
def test_a_file_of_an_older_version_is_read_without(missing: str) -> None:
    values = stored(WHOLE)
    del values[missing]
    found = Evaluation.from_json(values)
    assert found.clean == WHOLE.clean and found.headline == WHOLE.headline and found.hrs == WHOLE.hrs


def test_an_older_table_of_corruptions_has_the_images_of_the_clean_accuracy() -> None:
    values = stored(WHOLE)
    del values["corruptions"]["n"], values["corruptions"]["groups"]
    found = Evaluation.from_json(values).corruptions
    assert found is not None and found.n == 50 and found.groups == {}


DAMAGE: dict[str, tuple[tuple[str, ...], Any]] = {
    "an accuracy is not a JSON object": (("clean",), 0.5),
    "accuracy is not a number from 0 to 1": (("clean", "accuracy"), 1.5),
    "n is not a positive number of images": (("clean", "n"), "50"),
    "ci95 is not a pair of numbers": (("clean", "ci95"), [0.1]),
    "epsilons is not a JSON object": (("epsilons",), []),
    "has another epsilon": (("epsilons", "8", "pgd", "epsilon"), 4.0),
    "steps of an attack is not a number": (("epsilons", "8", "pgd", "steps"), "20"),
    "version of an attack is not a number": (("epsilons", "8", "pgd", "version"), "2"),
    "a row of the corruptions is not a list": (("corruptions", "table", "fog"), 0.5),
    "fog is not a number from 0 to 1": (("corruptions", "table", "fog"), [None]),
    "source is not text": (("corruptions", "source"), None),
    "passed of a check is neither true nor false": (("checks",), [{"name": "a"}]),
    "checks is not a list": (("checks",), "none"),
    "images of the protocol is not a whole number": (("protocol", "images"), "50"),
    "norm of the protocol is not text": (("protocol", "norm"), 2),
    "a digest of the data": (("data", "test", "labels"), "short"),
    "a class of the data is not text": (("data", "classes"), [1]),
    "weights is not text": (("weights",), 3),
}


@pytest.mark.parametrize("message", list(DAMAGE))
def test_a_damaged_file_is_one_message_with_the_command_that_rebuilds_it(message: str, tmp_path: Path) -> None:
    keys, value = DAMAGE[message]
    values = copy.deepcopy(stored(WHOLE))
    place = values
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    (tmp_path / "evaluation.json").write_text(json.dumps(values))
    with pytest.raises(EvonasError, match="is not a valid evaluation") as caught:
        read(in_run(tmp_path))
    text = str(caught.value)
    assert message in text, text
    assert f"evonas evaluate {tmp_path}" in text and "\n" not in text


def test_a_file_that_is_no_json_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text("{")
    with pytest.raises(EvonasError, match=r"cannot be read.*rebuild it with: evonas evaluate"):
        read(in_run(tmp_path))
    (tmp_path / "evaluation.json").unlink()
    assert read(in_run(tmp_path)) is None
