"""Settings that a table brings along, and several tables at once."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import evonas
from evonas import SearchSettings, UsageError
from evonas.cli.app import app
from evonas.tables import Standing
from evonas.tables.sidecar import settings_by_table, settings_of, sidecar_of, space_of
from spaces import NetworkSize, spaces

TRAINED = {"space": "darts", "dataset": "digits", "channels": 3, "layers": 2, "image_size": 16}
FOREIGN = (
    b"{",
    b"[1]",
    b'{"sha256": 1, "training": []}',
    b"\xff",
    b'{"sha256": "", "training": {}, "dataset": 3}',
)


def table(folder: Path, name: str = "own.csv", sign: int = 1, space: str = "darts", rows: int = 12) -> Path:
    """Networks whose clean accuracy grows with their size, or with ``sign`` -1 falls."""
    rng, cells = np.random.default_rng(0), spaces[space]
    size = NetworkSize(4, 3)
    lines = [f"genotype,clean,{'fgsm' if sign > 0 else 'pgd'}@Linf.eps8"]
    for _ in range(rows):
        cell = cells.random(rng)
        lines.append(f'"{cell}",{50 + sign * cells.params(cell, size) / 1e5:.4f},{rng.random():.4f}')
    path = folder / name
    text = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def described(path: Path, **changed: Any) -> Path:
    """``path`` with a sidecar of these trainings."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    trained = TRAINED | changed
    content = {"sha256": hashlib.sha256(text).hexdigest(), "training": trained, "dataset": trained["dataset"]}
    Path(str(path).replace(".gz", "").replace(".csv", ".json")).write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("name", ["own.csv", "own.csv.gz"])
def test_settings_that_are_not_given_are_those_of_the_trainings(name: str, tmp_path: Path) -> None:
    path, told = described(table(tmp_path, name)), []
    assert settings_of(path, {}, told.append) == SearchSettings(**TRAINED)
    assert told == [
        f"from {tmp_path / 'own.json'}: --space darts --dataset digits --channels 3 --layers 2 --image-size 16"
    ]
    given = {"channels": 8, "layers": 2, "seed": 4, "batch_size": None}
    told.clear()
    assert settings_of(path, given, told.append) == SearchSettings(**{**TRAINED, "channels": 8, "seed": 4})
    assert told[0].endswith(": --space darts --dataset digits --image-size 16")
    assert "scored with --channels 8, but" in told[1] and told[1].endswith("trained with --channels 3")


def test_another_data_set_has_its_own_image_size_and_another_space_is_refused(tmp_path: Path) -> None:
    path = described(table(tmp_path))
    assert settings_of(path, {"dataset": "cifar10"}).image_size is None
    assert settings_of(path, {"space": "darts"}).space == "darts"
    with pytest.raises(UsageError, match=r"--space nasbench201: .*own.csv has networks of the space darts, says"):
        settings_of(path, {"space": "nasbench201"})
    assert space_of(path, None) == "darts" and space_of(table(tmp_path, "bare.csv"), None) == "nasbench201"
    with pytest.raises(UsageError, match=r"--space nasbench201: .*own.csv has networks of the space darts, says"):
        evonas.benchmark(path, space="nasbench201")


def test_a_sidecar_of_other_rows_or_of_something_else_is_not_used(tmp_path: Path) -> None:
    path, told = described(table(tmp_path)), []
    path.write_text(path.read_text() + "\n")
    assert sidecar_of(path, told.append) is None and "other rows" in told[0]
    assert settings_of(path, {}).space == "nasbench201"
    for content in FOREIGN:
        path.with_suffix(".json").write_bytes(content)
        assert sidecar_of(path, told.append) is None
    assert len(told) == 1


def test_the_functions_take_the_settings_of_the_table(tmp_path: Path) -> None:
    path = described(table(tmp_path, rows=40))
    small = evonas.correlate(path, "params")
    assert small.scores["params"].max() < evonas.correlate(path, "params", SearchSettings()).scores["params"].min()
    assert evonas.calibrate(path, "clean", ["flops"], repeats=1).architectures == 40


def test_images_of_the_trainings_are_no_reason_for_a_message(tmp_path: Path) -> None:
    path, told = described(table(tmp_path, rows=5)), []
    evonas.correlate(path, "grad-norm", announce=told.append)
    assert told == []
    evonas.correlate(path, "grad-norm", SearchSettings(channels=2, layers=1), announce=told.append)
    assert told == []
    described(path, dataset="cifar10")
    evonas.correlate(path, "grad-norm", SearchSettings(channels=2, layers=1), announce=told.append)
    assert told[-1].startswith("scores are computed from digits, but accuracies from cifar10")


def test_settings_of_single_tables_are_read() -> None:
    found = settings_by_table(["2.channels=16", "1.dataset=folder:a=b", "2.image-size=8"], 2)
    assert found == [{"dataset": "folder:a=b"}, {"channels": 16, "image_size": 8}]
    for text in (
        "3.channels=1",
        "0.channels=1",
        "channels=1",
        "1.seed=3",
        "x.layers=1",
        "1.layers=many",
        "².layers=1",
    ):
        with pytest.raises(UsageError, match="--setting"):
            settings_by_table([text], 2)


def test_a_proxy_is_as_good_as_in_its_worst_table() -> None:
    assert Standing.of({"a": 0.5, "b": 0.1}) == Standing(0.1, "b", pytest.approx(0.3), {"a": 0.5, "b": 0.1})
    assert Standing.of({"a": 0.5, "b": None}) == Standing(None, "b", None, {"a": 0.5, "b": None})


def test_the_command_ranks_proxies_by_the_worst_of_several_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    described(table(tmp_path))
    table(tmp_path, "other.csv", sign=-1, space="nasbench201", rows=20)
    command = ["correlate", "own.csv", "other.csv", "--proxy", "params,flops", "--engine", "in-process"]
    command += ["--setting", "2.channels=4", "--setting", "2.layers=1", "--out", "rows.csv"]
    document = json.loads(CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False).stdout)
    assert list(document["tables"]) == ["own.csv", "other.csv"]
    assert document["tables"]["other.csv"]["n"] == 20 and document["summary"]["target"] == ["clean"]
    one = document["summary"]["proxies"]["params"]
    rhos = {name: document["tables"][name]["spearman"]["params"]["clean"] for name in ("own.csv", "other.csv")}
    assert one == {
        "lowest": rhos["other.csv"],
        "table": "other.csv",
        "mean": sum(rhos.values()) / 2,
        "spearman": rhos,
    }
    assert rhos["other.csv"] < -0.9
    lows = [found["lowest"] for found in document["summary"]["proxies"].values()]
    assert lows == sorted(lows, reverse=True)
    with Path("rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["table"] for row in rows} == {"own.csv", "other.csv"} and len(rows) == 32
    assert [bool(row["fgsm-8"]) for row in rows] == [row["table"] == "own.csv" for row in rows]
    shown = CliRunner().invoke(app, command, catch_exceptions=False).stdout
    assert "mean rho with clean over 2 tables, best lowest value first" in shown
    twice = CliRunner().invoke(
        app, ["correlate", "own.csv", "own.csv", "--proxy", "params", "--setting", "2.layers=1"]
    )
    assert "own.csv (2)" in twice.stdout
    refused = CliRunner().invoke(app, [*command, "--markdown"])
    assert "name one TABLE" in str(refused.exception)
