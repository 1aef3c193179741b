"""Every file that evonas writes against every command: taken, or one message names the command that works."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

import evonas
from evonas.core.digests import tensors_digest
from evonas.training import artefacts, checkpoint
from evonas.training import train_stage as stage
from evonas.training.metrics import read_csv
from evonas.training.settings import TrainSettings
from evonas.training.training import Trained
from tests.evonas.cli.test_cli import run
from tests.evonas.trained import LIGHT

SMALL = ["--image-size", "8", "--channels", "2", "--layers", "1", "--dataset", "digits"]
SEARCH = ["search", *SMALL, "--proxy", "params", "--population", "2", "--generations", "1"]
TRAIN = ["--epochs", "1", "--set", "batch_size=1024"]
MEASURE = ["--attacks", "fgsm", "--no-corruptions", "--images", "2", "--checks", "0"]
SIZE = {"channels": 2, "layers": 1, "image_size": 8}
ARTEFACTS = {
    "a run": "run",
    "a run without training": "searched",
    "a training": "trained",
    "the best epoch": "trained/train/best.safetensors",
    "the last epoch": "trained/train/last.safetensors",
    "the settings of a training": "trained/train/settings.json",
    "an export": "trained/export",
    "exported weights": "trained/export/model.safetensors",
    "an exported genotype": "trained/export/genotype.json",
    "pt2": "trained/export/model.pt2",
    "onnx": "trained/export/model.onnx",
    "an evaluation": "trained/evaluation.json",
    "the database of a run": "run/run.db",
    "the best of a search": "run/best.json",
    "a report": "run/report.html",
    "metrics": "trained/train/metrics.csv",
    "a directory of something else": "other",
}
RUNS = {"a run", "a run without training", "a training"}
NETWORKS = {"a run", "a training", "the best epoch", "the last epoch", "an export", "exported weights"}
GENOTYPES = NETWORKS | {
    *("a run without training", "the settings of a training", "an exported genotype", "an evaluation"),
    "the best of a search",
}
COMMANDS: dict[str, tuple[list[str], set[str]]] = {  # the words after the artefact, and what is taken
    "show": (["--json"], RUNS),
    "report": (["--out", "{new}.html"], RUNS),
    "plot": (["--what", "cells", "--out", "{new}.svg"], RUNS),
    "resume": ([], RUNS),
    "verify": (["--sample", "1"], RUNS),
    "export": (["--format", "genotype", "--out", "{new}"], NETWORKS),
    "evaluate": (MEASURE, NETWORKS),
    "compare": (["--json"], NETWORKS),
    "train": (
        [*TRAIN, "--run", "{new}"],
        NETWORKS - {"a run"} | {"the settings of a training", "an exported genotype"},
    ),
    "score": (["--proxy", "params", "--json"], GENOTYPES),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of each artefact."""
    path = tmp_path_factory.mktemp("artefacts")
    for words in (
        [*SEARCH, "--run", "run", "--no-final"],
        [*SEARCH, "--run", "searched", "--no-final"],
        ["train", "run", *TRAIN],
        ["evaluate", "run", *MEASURE],
        ["report", "run", "--out", "run/report.html"],
        ["train", LIGHT, *SMALL, *TRAIN, "--run", "trained"],
        ["export", "trained", "--format", "genotype,safetensors"],
        *(["evaluate", f"trained{place}", *MEASURE] for place in ("", "/train/best.safetensors")),
        *(["evaluate", f"trained/{place}", *MEASURE] for place in ("train/last.safetensors", "export")),
    ):
        done = run(*words, cwd=path)
        assert done.returncode == 0, (words, done.stderr)
    for name in ("model.pt2", "model.onnx"):  # never read, so nothing needs to be in them
        (path / "trained" / "export" / name).write_bytes(b"PK")
    (path / "other").mkdir()
    assert all((path / place).exists() for place in ARTEFACTS.values())
    return path


def prepared(place: Path, settings: TrainSettings, written: Path) -> Trained:
    """The end of a training of ``settings`` in ``place``, with the epochs of another one."""
    stage._prepare(place / "train", settings)
    rows = read_csv(written / "trained" / "train" / "metrics.csv")
    return Trained(written / "trained" / "train", settings, tuple(rows), rows[-1])


def without_training(monkeypatch: pytest.MonkeyPatch, written: Path) -> None:
    monkeypatch.setattr(stage, "_trained", lambda place, settings, observer: prepared(place, settings, written))


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_artefact_is_taken_or_the_command_that_works_is_named(
    command: str, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command == "train":  # what is trained is looked at here, not the training
        without_training(monkeypatch, written)
    words, taken = COMMANDS[command]
    by_place = {place: name for name, place in ARTEFACTS.items()}
    for number, (name, place) in enumerate(ARTEFACTS.items()):
        done = run(command, place, *(word.format(new=tmp_path / f"new{number}") for word in words), cwd=written)
        if name in taken:
            assert done.returncode == 0, (name, done.stderr)
            if command == "train":
                settings = json.loads((tmp_path / f"new{number}" / "train" / "settings.json").read_text())
                assert [settings[name] for name in ("genotype", *SIZE)] == [LIGHT, *SIZE.values()], name
            continue
        assert done.returncode in (1, 2) and len(done.stderr.splitlines()) == 1, (name, done.stderr)
        found = re.search(rf"evonas ({'|'.join(COMMANDS)}) (.*)$", done.stderr.strip())
        if name == "a directory of something else" and found is None:
            continue  # nothing in it says what would be right
        assert found is not None, (name, done.stderr)
        advised = shlex.split(found[2])[0].rstrip(",;.")
        known = by_place.get(advised)
        assert known in COMMANDS[found[1]][1] | RUNS or advised in ("--run", "GENOTYPE"), (name, done.stderr)


def test_exported_weights_are_the_network_that_was_exported(written: Path) -> None:
    best, weights = (
        written / "trained" / place for place in ("train/best.safetensors", "export/model.safetensors")
    )
    trained, exported = checkpoint.load(best), checkpoint.load(weights)
    assert tensors_digest(exported.model().state_dict()) == tensors_digest(trained.model().state_dict())
    assert checkpoint.weights_digest(weights) == checkpoint.weights_digest(best)
    kept = (
        "genotype",
        "space",
        "dataset",
        "channels",
        "layers",
        "classes",
        "image_size",
        "recipe",
        "numbers",
        "seed",
    )
    assert all(
        getattr(exported.settings, name) == getattr(trained.settings, name) for name in (*kept, "mean", "std")
    )
    one, other = (
        json.loads((written / "trained" / place).read_text())
        for place in ("train/best.evaluation.json", "export/model.evaluation.json")
    )
    assert {name: one[name] for name in ("clean", "fgsm", "weights")} == {
        name: other[name] for name in ("clean", "fgsm", "weights")
    }
    assert [row.group for row in evonas.compare([written / "trained", weights])] == [1, 1]


def test_a_setting_that_is_given_counts_more_than_that_of_the_file(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_training(monkeypatch, written)
    words = ["train", "trained/export/genotype.json", *TRAIN, "--channels", "8", "--run", str(tmp_path / "wide")]
    done = run(*words, cwd=written)
    assert json.loads((tmp_path / "wide" / "train" / "settings.json").read_text())["channels"] == 8, done.stderr


def test_a_file_without_a_stem_is_about_a_network_with_that_of_cifar(written: Path) -> None:
    path = written / "trained" / "export" / "genotype.json"
    assert "stem" not in json.loads(path.read_text())
    assert artefacts.genotype_at(path, "train").settings["stem"] == "cifar"  # also for photographs


def test_a_score_takes_files_and_texts_side_by_side(written: Path) -> None:
    files = [f"trained/export/{name}" for name in ("genotype.json", "model.safetensors")]
    scored = json.loads(run("score", *files, LIGHT, "--proxy", "params", "--json", cwd=written).stdout)
    assert len({row["genotype"] for row in scored}) == 1 and len(scored) == 3


def test_an_export_of_image_folders_asks_where_the_folder_is(written: Path, tmp_path: Path) -> None:
    facts = json.loads((written / "trained" / "export" / "genotype.json").read_text())
    (tmp_path / "genotype.json").write_text(json.dumps({**facts, "dataset": "folder"}))
    done = run("train", "genotype.json", *TRAIN, "--run", "r", cwd=tmp_path)
    assert done.returncode == 2 and "--dataset folder:PATH" in done.stderr and not (tmp_path / "r").exists()


@pytest.mark.parametrize("damage", ["{", '{"format": "evonas network 1"}', "[1]", '"Genotype("'])
def test_a_damaged_genotype_file_is_one_message(damage: str, tmp_path: Path) -> None:
    (tmp_path / "genotype.json").write_text(damage)
    for command in ("train", "score"):
        done = run(command, "genotype.json", cwd=tmp_path)
        assert done.returncode in (1, 2) and len(done.stderr.splitlines()) == 1, done.stderr


def test_a_training_alone_is_shown_drawn_and_reported(written: Path) -> None:
    shown = run("show", "trained", cwd=written)
    assert shown.returncode == 0 and "trained  evaluated, without a search" in shown.stdout
    assert "epoch 1 of 1" in shown.stdout and "evonas report trained" in shown.stdout and LIGHT in shown.stdout
    as_json = json.loads(run("show", "trained", "--json", cwd=written).stdout)
    assert as_json["stage"] == "evaluated" and len(as_json["epochs"]) == 1
    assert run("report", "trained", "--out", "page.html", cwd=written).returncode == 0
    page = (written / "page.html").read_text()
    titles = re.findall("<h2>(.*?)</h2>", page)
    assert titles == ["Result", "Network", "Robustness", "Training", "Reproduce"]
    assert "evonas train" in page and "Lineage" not in page
    for what in ("history", "cells", "epsilon"):
        assert run("plot", "trained", "--what", what, "--out", "a.svg", cwd=written).returncode == 0, what
    for what, words in (("pareto", "trained without a search"), ("corruptions", "evonas evaluate trained")):
        refused = run("plot", "trained", "--what", what, "--out", "a.svg", cwd=written)
        assert refused.returncode == 2 and words in refused.stderr and len(refused.stderr.splitlines()) == 1


def test_a_training_in_progress_is_shown(written: Path, tmp_path: Path) -> None:
    shutil.copytree(written / "trained", tmp_path / "t")
    for name in ("train/result.json", "evaluation.json", "evaluation.db"):
        (tmp_path / "t" / name).unlink()
    shown = run("show", "t", cwd=tmp_path)
    assert "t  training, without a search" in shown.stdout and "evonas resume t" in shown.stdout
    assert run("report", "t", cwd=tmp_path).returncode == 0
    assert "in training, without a search" in (tmp_path / "t" / "report.html").read_text()
