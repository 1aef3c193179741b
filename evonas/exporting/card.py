"""The model card: the network, its robustness, and how to load its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evonas.core.quantities import count, number, percent, plural
from evonas.evaluation.columns import label_of
from evonas.evaluation.controls import Comparison
from evonas.evaluation.rates import Rate
from evonas.evaluation.retrained import Retrained
from evonas.evaluation.stored import Stored
from evonas.exporting.format import Format
from evonas.exporting.front_matter import front_matter
from evonas.exporting.model_index import header, name
from evonas.exporting.subject import Subject
from evonas.training.data_identity import identity_of, shown

FILE = "README.md"


def card(subject: Subject, written: Sequence[Format]) -> str:
    """Markdown with the YAML header of model hubs."""
    facts = subject.facts
    files = ", ".join(f"`{format.file}`" for format in written)
    sections = [
        front_matter(header(facts, subject.evaluation.content)),
        f"# {name(facts)}",
        f"An image classifier found or trained by evonas: {count(facts['params'])} parameters, "
        f"{count(facts['flops'])} FLOPs per image. Files: {files}.",
        "## Input and output",
        _input(facts),
        "## Accuracy",
        "\n".join(_accuracies(subject.evaluation)),
        *(
            []
            if subject.controls is None
            else ["## Against random genotypes of its size", _against(subject.controls)]
        ),
        "## Architecture and training",
        _training(facts),
        *(f"**Data: {note}.**" for note in subject.notes),
        "## How to load it",
        *(f"### {format.file}\n\n{format.how_to_load(subject)}" for format in written),
    ]
    return "\n\n".join(sections) + "\n"


def _input(facts: Mapping[str, Any]) -> str:
    names = facts["class_names"]
    classes = ", ".join(f"{i} {shown(text)}" for i, text in enumerate(names)) if names else "names unknown"
    return (
        f"- input: {facts['input']}; H = W = {facts['image_size']}\n"
        f"- output: {facts['output']}\n"
        f"- {facts['classes']} classes: {classes}\n"
        f"- mean {_numbers(facts['mean'])}, std {_numbers(facts['std'])}: those of the training images; "
        "pt2 and onnx include the normalisation"
    )


def _training(facts: Mapping[str, Any]) -> str:
    training, used = facts["training"], facts["exported_with"]
    return (
        f"- `{facts['genotype']}`\n"
        f"- C={facts['channels']}, L={facts['layers']}{_stem(facts)}, space {facts['space']}\n"
        f"- data: {_data(facts)}\n"
        f"- recipe {training['recipe']}, epoch {training['epoch']} of {training['numbers']['epochs']}, "
        f"seed {training['seed']}, {training['precision']} on {training['device']}\n"
        f"- exported with {', '.join(f'{package} {version}' for package, version in used.items())}"
    )


def _stem(facts: Mapping[str, Any]) -> str:
    return f", stem {facts['stem']}" if "stem" in facts else ""


def _data(facts: Mapping[str, Any]) -> str:
    identity = identity_of(facts)
    return "not recorded, so that they cannot be checked" if identity is None else identity.in_words


def _accuracies(evaluation: Stored) -> Iterator[str]:
    """A row for each number of evaluation.json, with its 95 % interval over test images if there is one."""
    found = evaluation.content
    if found is None:
        earlier = " An earlier state of the weights was evaluated." if evaluation.note else ""
        yield f"Not evaluated; run `evonas evaluate`.{earlier}"
        return
    yield "| images | accuracy | 95 % interval over test images |\n|---|---|---|"
    yield f"| clean | {_share(found.clean)} |"
    for epsilon in found.epsilons:
        for attack, one in found.at(epsilon).items():
            steps = f", {one.steps} steps" if one.steps is not None else ""
            yield f"| {attack}, epsilon {epsilon:g}/255{steps} | {_share(one.rate)} |"
    for kind, outcome in found.assessments.items():
        for label, rate in outcome.rates.items():
            yield f"| {kind} {label} | {_share(rate)} |"
        for label, value in outcome.scalars.items():
            yield f"| {kind} {label} | {number(value)} | |"
    if found.corruptions is not None:
        yield f"| mean over corruptions ({found.corruptions.source}) | {percent(found.corruptions.mean)} | |"
    hrs = ", ".join(f"{attack} {percent(value)}" for attack, value in found.hrs.items())
    yield f"\nEvaluated on {found.clean.n} test images."
    for kind, gaps in found.gaps.items():
        if gaps:
            words = ", ".join(f"{100 * gap:.2f} points at {epsilon:g}/255" for epsilon, gap in gaps.items())
            yield f"Accuracy certified by {kind} below that under pgd: {words}."
    yield from (f"\n{note}" for note in found.notes)
    if text := found.remark:
        yield f"\n**{text[0].upper()}{text[1:]}.**"
    if hrs:
        yield f"HRS, the harmonic mean of clean and robust accuracy: {hrs}."
    if found.failed:
        yield f"\nFailed sanity checks: {'; '.join(found.failed)}."
    if found.retrained is not None:
        yield from _retrained(found.retrained)


def _retrained(found: Retrained) -> Iterator[str]:
    """A row for each column, with its 95 % interval over retrainings if there are several."""
    seeds = ", ".join(map(str, found.seeds))
    yield f"\nOver {plural(found.count, 'training')} with the seeds {seeds}; the files are those of the first:\n"
    yield "| images | mean | standard deviation | 95 % interval over retrainings |\n|---|---|---|---|"
    for column, spread in found.columns.items():
        ends = "" if spread.interval is None else " to ".join(map(percent, spread.interval))
        yield f"| {label_of(column)} | {percent(spread.mean)} | {percent(spread.sd)} | {ends} |"
    for line in found.notes:
        yield f"\n{line[0].upper()}{line[1:]}."


def _against(found: Comparison) -> str:
    lines = "\n".join(f"- {line}" for line in found.lines[1:])
    return f"The winner {found.head}:\n\n{lines}\n\n{found.verdict[0].upper()}{found.verdict[1:]}."


def _share(rate: Rate) -> str:
    low, high = rate.interval
    return f"{percent(rate.accuracy)} | {percent(low)} to {percent(high)}"


def _numbers(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"
