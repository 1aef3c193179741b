"""The predictions for each image: they equal the accuracies, and what is kept of them is not computed again."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import evonas
from evonas import EvaluateSettings, EvonasError, UsageError
from evonas.evaluation import per_image
from evonas.evaluation.attacks import Attack
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.attacks.fgsm import FGSM
from evonas.evaluation.corruptions import corruptions
from evonas.evaluation.evaluate import evaluate_subject
from evonas.evaluation.journal import Journal
from evonas.evaluation.per_image import Image
from evonas.evaluation.result import Evaluation
from evonas.evaluation.subject import Subject
from tests.evonas.evaluation.test_evaluate_command import untrained
from tests.evonas.networks import digits, trained

COUNT = 12
SETTINGS = EvaluateSettings(
    attacks=("fgsm", "pgd"),
    epsilons=(8.0, 4.0),
    steps=2,
    restarts=2,
    batch_size=5,
    checks=0,
    device="cpu",
    corruptions=False,
)
CORRUPTED = dataclasses.replace(SETTINGS, attacks=(), corruptions=True)


def images() -> tuple[torch.Tensor, torch.Tensor]:
    """Some test images with their labels, of which the first is wrong."""
    pixels, labels = digits("test")
    return pixels[:COUNT], torch.cat([(labels[:1] + 1) % 10, labels[1:COUNT]])


def evaluated(
    keeps: bool = True, settings: EvaluateSettings = SETTINGS, **options: Any
) -> tuple[Evaluation, list[Image]]:
    pixels, labels = images()
    subject = Subject(
        trained(),
        pixels,
        labels,
        batch_size=settings.batch_size,
        keeps_predictions=keeps,
        **options,
    )
    found = evaluate_subject(subject, settings)
    return found, list(per_image.images(found, subject, 100 + torch.arange(COUNT))) if keeps else []


@pytest.fixture(scope="module")
def whole() -> tuple[Evaluation, list[Image]]:
    return evaluated()


def test_rows_add_up_to_the_accuracies_of_an_evaluation_without_them(
    whole: tuple[Evaluation, list[Image]],
) -> None:
    found, rows = whole
    plain, _ = evaluated(keeps=False)
    assert found.as_json() == plain.as_json()
    assert [row.index for row in rows] == [*range(100, 100 + COUNT)]
    right = [row.predicted == row.label for row in rows]
    assert sum(right) == found.clean.right and 0 < sum(right) < COUNT
    for number, (epsilon, name) in enumerate((e, a) for e in found.epsilons for a in found.attacks):
        cells = [row.attacks[number] for row in rows]
        assert {(cell.attack, cell.epsilon) for cell in cells} == {(name, epsilon)}
        assert sum(cell.success is False for cell in cells) == found.attacks[name][epsilon].rate.right
        assert [cell.success is not None for cell in cells] == right
        assert all(cell.predicted is not None for cell in cells)
        assert all(
            (cell.predicted == row.label) is (cell.success is False) for cell, row in zip(cells, rows, strict=True)
        )
    assert {cell.success for row in rows for cell in row.attacks} == {True, False, None}


def test_the_predicted_class_is_that_of_the_attacked_image(whole: tuple[Evaluation, list[Image]]) -> None:
    pixels, labels = images()
    inputs = pixels.float() / 255
    moved = FGSM()(trained(), inputs, labels, 8.0, Draws(0, tuple(range(COUNT))))
    with torch.no_grad():
        clean, attacked = trained()(inputs).argmax(1), trained()(moved).argmax(1)
    expected = attacked.where(clean == labels, clean)
    assert [row.attacks[0].predicted for row in whole[1]] == expected.tolist()


def test_predictions_come_from_the_journal_and_are_measured_where_it_lacks_them(
    whole: tuple[Evaluation, list[Image]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(tmp_path / "evaluation.db") as journal:
        evaluated(keeps=False, journal=journal)
        assert evaluated(journal=journal)[1] == whole[1]
        monkeypatch.setattr(Attack, "__call__", None)
        assert evaluated(journal=journal)[1] == whole[1]


def test_predictions_that_contradict_the_accuracy_are_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "evaluation.db") as journal:
        evaluated(journal=journal)
        journal._db.execute("UPDATE outcomes SET payload = '[]' WHERE name = 'fgsm 8/255'")
        with pytest.raises(EvonasError, match="predictions of fgsm 8/255 differ from its accuracy; remove"):
            evaluated(journal=journal)


def test_corruptions_have_predictions_that_give_their_accuracies(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {
        name: corruptions[name] for name in ("fog", "glass_blur", "pixelate", "shot_noise")
    }  # one of each group
    monkeypatch.setattr("evonas.evaluation.corrupted.corruptions", few)
    found, rows = evaluated(settings=CORRUPTED)
    plain, _ = evaluated(keeps=False, settings=CORRUPTED)
    assert found.as_json() == plain.as_json() and found.corruptions is not None
    for name, shares in found.corruptions.table.items():
        for severity, share in enumerate(shares, 1):
            cells = [{(n, s): p for n, s, p in row.corruptions}[name, severity] == row.label for row in rows]
            assert sum(cells) / COUNT == pytest.approx(share)


def test_no_prediction_stands_for_logits_that_are_not_finite() -> None:
    pixels, labels = digits("test")

    def broken(images: torch.Tensor) -> torch.Tensor:
        return torch.full((len(images), 10), float("nan")) + 0 * images.sum()

    subject = Subject(broken, pixels[:2], labels[:2], keeps_predictions=True)
    found = evaluate_subject(subject, dataclasses.replace(SETTINGS, attacks=("fgsm",), restarts=1))
    (row, _) = per_image.images(found, subject, torch.arange(2))
    assert row.predicted is None and row.attacks[0].predicted is None and row.attacks[0].success is None


def test_csv_and_json_lines_hold_the_same_rows(tmp_path: Path) -> None:
    network(tmp_path / "run")
    settings = dataclasses.replace(SETTINGS, images=6, certify=("ibp",), restarts=1, epsilons=(8.0,))
    for name in ("rows.csv", "rows.jsonl"):
        evonas.evaluate(tmp_path / "run", settings, lambda event: None, per_image=tmp_path / name)
    with (tmp_path / "rows.csv").open() as file:
        table = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert len(table) == len(lines) == 6 and sorted({line["index"] for line in lines}) != [*range(6)]
    assert list(table[0]) == [
        *("index", "label", "clean.predicted"),
        *(
            "fgsm@Linf.eps8.predicted",
            "fgsm@Linf.eps8.success",
            "pgd@Linf.eps8.predicted",
            "pgd@Linf.eps8.success",
        ),
        "ibp.radius",
    ]
    for cells, line in zip(table, lines, strict=True):
        pgd = line["attacks"][1]
        success = "" if pgd["success"] is None else str(int(pgd["success"]))
        assert (cells["index"], cells["pgd@Linf.eps8.success"]) == (str(line["index"]), success)
        assert float(cells["ibp.radius"]) == line["certificates"][0]["radius"]
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def network(run: Path) -> None:
    (run / "train").mkdir(parents=True)
    untrained(run / "train" / "best.safetensors")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rows.txt", "unknown --per-image ending"),
        ("rows", "ends in .csv"),
        ("nowhere/rows.csv", "directory that exists"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(
    name: str, message: str, tmp_path: Path
) -> None:
    network(tmp_path / "run")
    with pytest.raises(UsageError, match=message):
        evonas.evaluate(tmp_path / "run", SETTINGS, per_image=tmp_path / name)
    assert not (tmp_path / "run" / "evaluation.db").exists()
