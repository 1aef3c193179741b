"""The header of a model card, as model hubs read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import UsageError
from evonas.evaluation.result import Evaluation
from evonas.exporting.eval_results import Benchmark, eval_results
from evonas.exporting.front_matter import front_matter
from evonas.exporting.model_index import header
from tests.evonas.exporting.runs import trained_run

FACTS = {"space": "darts", "dataset": "folder"}
RATE = {"n": 50, "ci95": [0.8, 0.95]}
MEASURED: dict[str, Any] = {
    "dataset": "folder:/home/someone/images",
    "clean": {"accuracy": 0.9, **RATE},
    "epsilons": {
        "8": {"pgd": {"accuracy": 0.24, **RATE, "epsilon": 8.0, "steps": 20}},
        "2": {"pgd": {"accuracy": 0.5, **RATE, "epsilon": 2.0, "steps": 20}},
    },
    "corruptions": {"source": "regenerated", "mean": 0.6, "groups": {"noise": 0.5, "weather": 0.7}, "table": {}},
    "protocol": {"split": "test"},
}


def test_the_header_is_yaml_in_blocks() -> None:
    values = {
        "tags": ["a", "no"],
        "model-index": [{"name": 'x: "y"', "list": [{"a": 1, "b": {"c": None}}, 2.5], "empty": []}],
        "odd key": "\n\U0001f600 é",
    }
    assert front_matter(values).splitlines() == [
        "---",
        "tags:",
        '- "a"',
        '- "no"',
        "model-index:",
        '- name: "x: \\"y\\""',
        "  list:",
        "  - a: 1",
        "    b:",
        "      c: null",
        "  - 2.5",
        "  empty: []",
        r'"odd key": "\n\U0001f600 \u00e9"',
        "---",
    ]
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(front_matter(values).strip("-\n")) == values


def test_every_accuracy_is_a_metric_with_what_the_specification_requires() -> None:
    found = header(FACTS, Evaluation.from_json(MEASURED))
    (model,) = found["model-index"]
    for result in model["results"]:
        assert {"type", "name"} <= result["task"].keys() and {"type", "name", "split"} <= result["dataset"].keys()
        assert all({"type", "value", "name"} <= metric.keys() for metric in result["metrics"])
    images, corrupted = model["results"]
    assert (images["dataset"]["type"], corrupted["dataset"]["type"]) == ("folder", "folder-c")
    assert [metric["value"] for metric in images["metrics"]] == [0.9, 0.24, 0.5]
    assert [metric["value"] for metric in corrupted["metrics"]] == [0.6, 0.5, 0.7]
    assert images["metrics"][1]["name"] == "accuracy under pgd, L-infinity epsilon 8/255, 20 steps"
    assert images["metrics"][1]["args"]["epsilon"] == 8 and images["metrics"][1]["args"]["images"] == 50
    assert "someone" not in json.dumps(found)  # nothing of the machine


def test_a_network_that_was_not_evaluated_has_no_results(tmp_path: Path) -> None:
    card = evonas.export(trained_run(tmp_path / "run"), ["genotype"]).card.read_text()
    assert card.startswith('---\nlibrary_name: "evonas"\n') and "model-index" not in card


def test_the_library_of_the_hub_reads_the_card(tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    run = trained_run(tmp_path / "run")
    (run / "evaluation.json").write_text(json.dumps(MEASURED))
    content = evonas.export(run, ["genotype"]).card.read_text()
    card = hub.ModelCard(content)  # raises for an invalid model-index
    assert card.data.model_name == "darts network for digits" and card.data.library_name == "evonas"
    assert [result.metric_value for result in card.data.eval_results] == [0.9, 0.24, 0.5, 0.6, 0.5, 0.7]
    first = card.data.eval_results[1]
    assert (first.task_type, first.metric_type, first.dataset_split) == (
        "image-classification",
        "accuracy",
        "test",
    )
    again = hub.ModelCard(str(card))
    assert again.data.to_dict() == card.data.to_dict()


def test_an_accuracy_is_the_result_of_a_benchmark() -> None:
    found = Evaluation.from_json(MEASURED)
    asked = [Benchmark.parse(text) for text in ("org/set:clean=clean", "org/set:linf=pgd@Linf.eps8")]
    text = eval_results(asked, found)
    assert text.splitlines()[:5] == [
        "- dataset:",
        '    id: "org/set"',
        '    task_id: "clean"',
        "  value: 90.0",
        '  notes: "clean, 50 test images, evaluated by evonas"',
    ]
    yaml = pytest.importorskip("yaml")
    assert [(one["dataset"]["task_id"], one["value"]) for one in yaml.safe_load(text)] == [
        ("clean", 90.0),
        ("linf", 24.0),
    ]


def test_the_library_of_the_hub_reads_results_of_benchmarks() -> None:
    hub, yaml = pytest.importorskip("huggingface_hub"), pytest.importorskip("yaml")
    benchmark = Benchmark("org/set", "linf", "pgd@Linf.eps8")
    written = yaml.safe_load(eval_results([benchmark], Evaluation.from_json(MEASURED)))
    (entry,) = hub.parse_eval_result_entries(written)
    assert (entry.dataset_id, entry.task_id, entry.value) == ("org/set", "linf", 24.0)
    assert hub.eval_result_entries_to_yaml([entry]) == written  # nothing that the format does not know


@pytest.mark.parametrize("text", ["", "a=clean", "a:b", ":b=clean", "a:=clean", "a:b="])
def test_a_benchmark_without_a_part_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--benchmark must be DATASET:TASK=COLUMN"):
        Benchmark.parse(text)


def test_a_benchmark_of_what_was_not_evaluated_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'fgsm@Linf\.eps8' was not evaluated; did you mean pgd@Linf\.eps8"):
        eval_results([Benchmark("a", "b", "fgsm@Linf.eps8")], Evaluation.from_json(MEASURED))
    with pytest.raises(UsageError, match="run evonas evaluate first"):
        eval_results([Benchmark("a", "b", "clean")], None)
