"""A new kind of assessment is one class: run, resumed, verified, shown, compared and reported by its name."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType
from torch import Tensor

import evonas
from evonas import EvaluateSettings, SearchSettings, UsageError, api
from evonas.core.events import Listener
from evonas.core.signals import Interrupted
from evonas.evaluation.assessment import Assessment, Outcome, Subject
from evonas.evaluation.events import ImagesMeasured
from evonas.evaluation.registered import assessments
from evonas.evaluation.result import Evaluation
from evonas.reporting.comparison import compared
from evonas.reporting.evaluation import evaluated
from evonas.reporting.facts import TrainingFacts, gather
from evonas.reporting.html.page import page
from evonas.reporting.html.sections import sections
from evonas.reporting.overview import Overview
from evonas.reporting.reproduce import evaluate_command

NAME = "confidence"
QUICK = EvaluateSettings(
    attacks=("fgsm",), images=14, batch_size=6, checks=0, corruptions=False, device="cpu", assess=(NAME,)
)


@dataclass(frozen=True)
class Confidence(Assessment):
    """The largest softmax value of each clean image, and the share of images where it is above a threshold."""

    name = NAME
    source = "a test"
    threshold: float = 0.6

    def identity(self) -> Mapping[str, Any]:
        return {"version": 1, "threshold": self.threshold}

    def run(self, subject: Subject) -> Outcome:
        def largest(indices: Tensor) -> list[float]:
            pixels, _ = subject.load(indices)
            found = subject.logits(pixels).softmax(1).amax(1).tolist()
            return [float(value) for value in found]

        chunks = subject.each([self.name, self.identity()], largest, self.title)
        values = [value for chunk in chunks for value in chunk]
        above = sum(value > self.threshold for value in values)
        rate = type(subject.rate(subject.right)).of(above, len(values))
        return Outcome({f"above {self.threshold:g}": rate}, {"mean": sum(values) / len(values)}, values)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The assessment and its section, for this test alone."""
    for registry in (assessments, sections):
        list(registry.loadable())  # a module that is imported within the test would not register again after it
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
        monkeypatch.setattr(registry, "_registered_by", dict(registry._registered_by))
    assessments.register(NAME)(Confidence)
    yield


@pytest.fixture(scope="module")
def trained(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search with its training."""
    path = tmp_path_factory.mktemp("assessed") / "run"
    settings = SearchSettings(dataset=pictures, image_size=16, channels=2, layers=3, batch_size=2, device="cpu")
    settings = dataclasses.replace(settings, proxy="params", population=4, children=2, generations=1)
    evonas.search(settings, path)
    evonas.train(str(path), overrides={"epochs": 1, "batch_size": 16})
    return path


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def rendered(renderable: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_it_is_in_the_file_and_in_every_table(run: Path) -> None:
    found = evonas.evaluate(run, QUICK)
    outcome = found.assessments[NAME]
    (rate,) = outcome.rates.values()
    assert rate.n == 14 == len(outcome.detail) and 0.5 <= outcome.numbers["mean"] <= 1
    assert rate.right == sum(value > 0.6 for value in outcome.detail)
    written = json.loads((run / "evaluation.json").read_text())
    assert written["assessments"][NAME]["rates"]["above 0.6"]["ci95"] == list(rate.interval)
    assert written["assessments"][NAME]["identity"] == {"version": 1, "threshold": 0.6}
    assert Evaluation.from_json(written) == dataclasses.replace(found, path=None)
    share, mean = f"{100 * rate.accuracy:.2f} %", f"{outcome.numbers['mean']:.5g}"
    summary = evonas.summarise(run)
    assert summary.evaluation is not None and summary.evaluation.assessments == found.assessments
    for text in (rendered(evaluated(found, 200)), rendered(Overview(summary))):  # type: ignore[arg-type]
        assert share in next(line for line in text.splitlines() if line.startswith(f"{NAME} above 0.6"))
        assert mean in next(line for line in text.splitlines() if line.startswith(f"{NAME} mean"))
    rows = api.compare([run])
    assert rows[0].as_json()["assessments"][f"{NAME} above 0.6"]["accuracy"] == rate.accuracy
    assert f"{NAME} above 0.6" in rendered(compared(rows)) and share in rendered(compared(rows))
    card = evonas.export(run, ["genotype"]).card.read_text()
    assert f"| {NAME} above 0.6 | {share} |" in card and f"| {NAME} mean | {mean} | |" in card
    assert f"--assess {NAME}" in evaluate_command(found, run)


class Interrupting(Listener):
    """Asks the evaluation to stop in the middle of the assessment, as Ctrl-C does."""

    def measuring(self, event: ImagesMeasured) -> None:
        if event.what == NAME and event.done == 12:
            raise KeyboardInterrupt


def test_interrupted_in_the_middle_and_repeated_it_equals_an_uninterrupted_one(run: Path, tmp_path: Path) -> None:
    whole = evonas.evaluate(Path(shutil.copytree(run, tmp_path / "whole")), QUICK).as_json()
    with pytest.raises(Interrupted, match="finished work is saved"):
        evonas.evaluate(run, QUICK, Interrupting())
    assert not (run / "evaluation.json").exists()
    computed: list[list[int]] = []
    load = Subject.load

    def watched(self: Subject, indices: Tensor) -> Any:
        computed.append(indices.tolist())
        return load(self, indices)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Subject, "load", watched)
        found = evonas.evaluate(run, QUICK).as_json()
    assert {name: found[name] for name in found if name != "checkpoint"} == {
        name: whole[name] for name in whole if name != "checkpoint"
    }
    assert computed.count(list(range(6))) == 1 and computed.count(list(range(12, 14))) == 2  # clean; and assessed


def test_it_is_verified_from_the_journal(run: Path) -> None:
    evonas.evaluate(run, QUICK)
    findings = evonas.verify(run, sample=100).findings
    assert {finding.status for finding in findings if finding.part == "evaluation"} == {"same"}
    path = run / "evaluation.json"
    written = json.loads(path.read_text())
    written["assessments"][NAME]["detail"][3] += 0.5
    path.write_text(json.dumps(written))
    (wrong,) = [finding for finding in evonas.verify(run, sample=1).findings if not finding.passed]
    assert f"assessments.{NAME}.detail.3" in wrong.detail


def test_outcomes_of_other_settings_are_neither_reused_nor_ranked(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Path(shutil.copytree(run, tmp_path / "other"))
    first = evonas.evaluate(run, QUICK)
    monkeypatch.setitem(assessments._entries, NAME, type("Higher", (Confidence,), {"__init__": _higher}))
    assert list(evonas.evaluate(other, QUICK).assessments[NAME].rates) == ["above 0.9"]
    evonas.evaluate(run, QUICK)
    assert list(evonas.evaluate(run, QUICK).assessments[NAME].rates) == ["above 0.9"]
    (run / "evaluation.json").write_text(json.dumps(first.as_json()))
    rows = api.compare([run, other])
    assert [row.group for row in rows[:2]] == [1, 2]


def _higher(self: Confidence) -> None:
    object.__setattr__(self, "threshold", 0.9)


def test_the_report_has_a_table_of_its_numbers_or_the_section_of_its_name(run: Path) -> None:
    found, text = evonas.evaluate(run, QUICK), page(gather(run))
    assert f"<h3>{NAME}</h3>" in text and "<th>above 0.6</th>" in text
    assert f"<th>mean</th><td>{found.assessments[NAME].numbers['mean']:.5g}</td>" in text

    @sections.register(NAME)
    def section(facts: TrainingFacts) -> str:
        assert facts.evaluation is not None
        return f"<p>mean {facts.evaluation.assessments[NAME].numbers['mean']:.3f}</p>"

    text = page(gather(run))
    assert "<p>mean 0." in text and f"<h3>{NAME}</h3>" not in text


def test_an_unknown_name_is_refused(run: Path) -> None:
    for names, message in ((("confidenc",), f"did you mean {NAME}"), ((NAME, NAME), "twice")):
        with pytest.raises(UsageError, match=message):
            evonas.evaluate(run, dataclasses.replace(QUICK, assess=names))
    assert EvaluateSettings.from_options(assess=f"{NAME}, b").assess == (NAME, "b")
