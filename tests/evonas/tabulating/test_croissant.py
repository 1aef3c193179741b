"""``tabulate --croissant``: the description says what the table holds, and the library of Croissant loads it."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas.tabulating.job import Job
from evonas.tabulating.trainer import Trainer
from tests.evonas.tabulating.conftest import Make, made

pytestmark = pytest.mark.usefixtures("unforeseen")


MEANING = "Accuracy under pgd 64/255 in the L-infinity norm, from 0 to 1."


@pytest.fixture
def table(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A described table of two networks, of which one has failed."""
    out = tmp_path / "own.csv"
    plain = Trainer._accuracies

    def second_fails(self: Trainer, job: Job, *rest: Any) -> Any:
        if job.seed:
            raise RuntimeError("a kernel is missing")
        return plain(self, job, *rest)

    monkeypatch.setattr(Trainer, "_accuracies", second_fails)
    settings = make(sample=1)
    made(out, settings)
    before = out.with_suffix(".json").read_bytes()
    evonas.tabulate(out, settings, croissant=True)
    assert out.with_suffix(".json").read_bytes() == before
    return out


def test_every_column_is_described(table: Path) -> None:
    text = table.with_suffix(".croissant.json").read_text()
    found = json.loads(text)
    with table.open() as file:
        header = next(csv.reader(file))
    (records,) = found["recordSet"]
    (file,) = found["distribution"]
    assert [field["source"]["extract"]["column"] for field in records["field"]] == header
    assert file["sha256"] == hashlib.sha256(table.read_bytes()).hexdigest() and file["contentUrl"] == "own.csv"
    described = {field["name"]: (field["dataType"], field["description"]) for field in records["field"]}
    assert described["seed"][0] == "sc:Integer" and described["genotype"][0] == "sc:Text"
    assert described["pgd@Linf.eps64"] == (
        "sc:Float",
        MEANING,
    )
    assert str(table.parent) not in text and "folder:" not in text


def test_the_library_of_croissant_validates_and_loads_it(table: Path) -> None:
    croissant = pytest.importorskip("mlcroissant")
    found = croissant.Dataset(str(table.with_suffix(".croissant.json")))
    assert not found.metadata.ctx.issues.errors
    rows = list(found.records("trainings"))
    with table.open() as file:
        expected = list(csv.DictReader(file))
    assert len(rows) == len(expected) == 2
    for row, cells in zip(rows, expected, strict=True):
        assert row["trainings/genotype"].decode() == cells["genotype"]
        assert row["trainings/seed"] == int(cells["seed"])
    assert math.isclose(rows[0]["trainings/pgd@Linf.eps64"], float(expected[0]["pgd@Linf.eps64"]))
    assert rows[1]["trainings/pgd@Linf.eps64"] is None and b"a kernel" in rows[1]["trainings/failed"]
