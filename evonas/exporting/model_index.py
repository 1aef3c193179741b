"""The accuracies of a model card as model hubs read them: the key ``model-index`` of its header.

Specification: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evonas.evaluation.rates import Rate
from evonas.evaluation.result import Evaluation

TASK = {"type": "image-classification", "name": "Image Classification"}
METRIC = "accuracy"


def header(facts: Mapping[str, Any], found: Evaluation | None) -> dict[str, Any]:
    """The header of the card of a network with ``facts``; if it was evaluated, with its accuracies from 0 to 1."""
    values: dict[str, Any] = {
        "library_name": "evonas",
        "pipeline_tag": TASK["type"],
        "tags": ["robustness", "neural-architecture-search"],
    }
    if found is None:
        return values
    return values | {"metrics": [METRIC], "model-index": [{"name": name(facts), "results": _results(found)}]}


def name(facts: Mapping[str, Any]) -> str:
    """What the card calls the network."""
    return f"{facts['space']} network for {facts['dataset']}"


def _results(found: Evaluation) -> list[dict[str, Any]]:
    """One result for the test images, and one for their corrupted forms."""
    data = (found.dataset or "unknown").partition(":")[0]  # without the location of a folder
    split = found.protocol.split or "test"
    images = {"type": data, "name": f"{data}, {found.clean.n} images", "split": split}
    results = [{"task": TASK, "dataset": images, "metrics": list(_metrics(found))}]
    if (table := found.corruptions) is not None:
        corrupted = {
            "type": f"{data}-c",
            "name": f"{data} under common corruptions ({table.source}), {table.n} images",
            "split": split,
        }
        mean = {"type": METRIC, "value": table.mean, "name": "mean accuracy over corruptions and severities"}
        groups = [
            {"type": METRIC, "value": value, "name": f"{group}, mean"} for group, value in table.groups.items()
        ]
        results.append({"task": TASK, "dataset": corrupted, "metrics": [mean, *groups]})
    return results


def _metrics(found: Evaluation) -> Iterator[dict[str, Any]]:
    yield _metric("clean accuracy", found.clean)
    for epsilon in found.epsilons:
        for attack, one in found.at(epsilon).items():
            label = f"accuracy under {attack}, L-infinity epsilon {epsilon:g}/255"
            steps = "" if one.steps is None else f", {one.steps} steps"
            yield _metric(label + steps, one.rate, attack=attack, norm="Linf", **one.numbers)
    for assessment, outcome in found.assessments.items():
        for label, rate in outcome.rates.items():
            yield _metric(f"{assessment} {label}", rate)


def _metric(label: str, rate: Rate, **settings: Any) -> dict[str, Any]:
    arguments = {**settings, "images": rate.n, "ci95": list(rate.interval)}
    return {"type": METRIC, "value": rate.accuracy, "name": label, "args": arguments}
