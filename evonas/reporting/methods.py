"""What was done in a run, in words with every setting: the methods paragraph of a paper.

A citation such as ``[@liu2019darts]`` is the syntax of pandoc; its key is that of the BibTeX entry.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

from evonas.core.quantities import plural
from evonas.core.version import __version__
from evonas.evaluation.certificates.smoothed import SMOOTHING
from evonas.evaluation.outcomes import Attacked
from evonas.evaluation.result import Evaluation
from evonas.evaluation.severities import SEVERITIES
from evonas.reporting.facts import Facts, TrainingFacts
from evonas.reporting.references import keys_of, used
from evonas.reporting.summary import Summary
from evonas.store.length import length
from evonas.training.plan import FinalPlan
from evonas.training.settings import TrainSettings
from spaces import spaces

LEFT_OUT = ("data_dir", "max_params_at")  # of this machine, and what follows from channels and layers


def methods(facts: TrainingFacts) -> str:
    """Paragraphs on the search, the training and the evaluation, as far as the run has them."""
    parts = []
    if isinstance(facts, Facts):
        parts.append(_search(facts, facts.summary))
    if facts.training is not None:
        parts.append(_training(facts, facts.training))
    if facts.evaluation is not None:
        parts.append(_evaluation(facts.evaluation))
    return "\n\n".join(parts) + "\n"


def _search(facts: Facts, summary: Summary) -> str:
    settings = summary.settings
    values = dataclasses.asdict(settings)
    values |= dict(values.pop("options"))
    proxies = "".join(_cited(kind, name) for kind, name in used(facts) if kind == "proxy")
    several = len(summary.objectives) > 1
    goals = [f"{'maximised' if one.maximise else 'minimised'} {one.name}" for one in summary.objectives]
    goal = f"for a Pareto front that {' and '.join(goals)}" if several else f"that {goals[0]}"
    goal = (
        f"whose result is its latest genotype, with scores by {summary.objectives[0].name}"
        if summary.latest
        else goal
    )
    versions = ", ".join(f"{name} {version}" for name, version in summary.versions.items())
    plan = "" if facts.plan is None else f" {_plan(facts.plan)}"
    data = _place(settings.dataset) + _cited("data set", settings.dataset.partition(":")[0])
    return (
        f"With evonas {__version__} [@evonas], the space {settings.space}{_cited('space', settings.space)} "
        f"({spaces[settings.space].description}) was searched by the algorithm {settings.algorithm}"
        f"{_cited('algorithm', settings.algorithm)} {goal}{proxies} on {data}, for "
        f"{length(settings) or 'as long as it asked'}: {summary.evaluations:,} different networks were scored, "
        f"and {summary.cache_hits:,} births had a known score. {_listed('search', values)}{plan} "
        f"Versions: {versions}."
    )


def _plan(plan: FinalPlan) -> str:
    values = {field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)}
    changes = ", ".join(f"{name} {_text(value)}" for name, value in plan.overrides.items())
    return _listed("final stage", values | {"overrides": changes or "none"})


def _training(facts: TrainingFacts, settings: TrainSettings) -> str:
    space = spaces[settings.space]
    genotype = space.parse(settings.genotype)
    best = "The latest genotype" if isinstance(facts, Facts) and facts.summary.latest else "The best genotype"
    who = best if isinstance(facts, Facts) else f"A genotype of the space {settings.space}"
    cited = "" if isinstance(facts, Facts) else _cited("space", settings.space)
    values = settings.that_count
    values.pop("source", None)  # of the recipe, which is cited
    return (
        f"{who}{cited} with {space.params(genotype, settings.size):,} parameters and "
        f"{space.flops(genotype, settings.size):,} FLOPs was trained on {_place(settings.dataset)}"
        f"{_cited('data set', settings.dataset.partition(':')[0])} by the recipe {settings.recipe}"
        f"{_cited('recipe', settings.recipe)}; the epoch with the best accuracy on "
        f"{plural(settings.validation or 0, 'held-out training image')} was kept. {_listed('training', values)}"
    )


def _evaluation(found: Evaluation) -> str:
    protocol = found.protocol
    images = f"{found.clean.n:,} of {protocol.of:,}" if protocol.of else f"{found.clean.n:,}"
    attacked = [text for name in found.attacks for text in _attack(name, found.attacks[name])]
    certified = found.certificates
    for name in found.assessments:
        kind = "certificate" if name in certified else "assessment"
        method = SMOOTHING if name in found.smoothed else name
        attacked.append(f"the {kind} {name}{_cited(kind, method)}")
    if found.corruptions is not None:
        kinds = plural(len(found.corruptions.table), "corruption")
        cited = _cited("corruptions", "corruptions")
        attacked.append(f"{kinds}{cited} at {len(SEVERITIES)} severities ({found.corruptions.source} images)")
    measured = f" Measured were accuracies under {'; '.join(attacked)}." if attacked else ""
    settings = _listed("evaluation", found.settings or protocol.as_json())
    return (
        f"The network was evaluated on {images} test images (pixels in {protocol.pixels or '[0, 1]'}), "
        f"with perturbations bounded in the norm {protocol.norm or 'L-infinity'}, in "
        f"{protocol.precision or 'float32'}.{measured} Intervals are Wilson's at 95 % over test images. {settings}"
    )


def _attack(name: str, by_epsilon: Mapping[float, Attacked]) -> Iterator[str]:
    """Each set of numbers of an attack, which may differ between the epsilons."""
    for number, (epsilon, one) in enumerate(by_epsilon.items()):
        others = ", ".join(f"{key} {_text(value)}" for key, value in one.numbers.items() if key != "epsilon")
        cited = "" if number else _cited("attack", name)
        yield f"{name}{cited} at epsilon {epsilon:g}/255" + (f" ({others})" if others else "")


def _cited(kind: str, name: str) -> str:
    keys = keys_of(kind, name)
    return f" [{'; '.join(f'@{key}' for key in keys)}]" if keys else ""


def _listed(what: str, values: Mapping[str, Any]) -> str:
    """Every value that is set, by name."""
    kept = {
        name: value for name, value in values.items() if name not in LEFT_OUT and value not in (None, (), [], "")
    }
    kept |= {"dataset": _place(kept["dataset"])} if "dataset" in kept else {}
    return f"Settings of the {what}: {', '.join(f'{name} {_text(value)}' for name, value in kept.items())}."


def _place(dataset: str) -> str:
    """A data set without the directory that a folder lies in."""
    kind, _, path = dataset.partition(":")
    return f"{kind}:{path.rstrip('/').rpartition('/')[2]}" if path else kind


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, list | tuple):
        return "/".join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value)
