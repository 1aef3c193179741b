"""Certificates of trained networks: sound, consistent with attacks, resumed, and shown wherever attacks are."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console, RenderableType
from torch import Tensor, nn

import evonas
from evonas import EvaluateSettings, UsageError
from evonas.core.events import Listener
from evonas.core.signals import Interrupted
from evonas.evaluation.certificates.base import CertificateOptions
from evonas.evaluation.certificates.certified import Certified
from evonas.evaluation.certificates.ibp import IBP
from evonas.evaluation.certificates.radii import grid, largest
from evonas.evaluation.evaluate import evaluate_subject
from evonas.evaluation.events import ImagesMeasured
from evonas.evaluation.registered import certificates
from evonas.evaluation.result import Evaluation
from evonas.evaluation.subject import Subject
from evonas.reporting.comparison import compared
from evonas.reporting.evaluation import evaluated
from evonas.reporting.facts import gather
from evonas.reporting.figures.robustness import curves
from evonas.reporting.html.page import page
from evonas.reporting.overview import Overview
from evonas.reporting.reproduce import evaluate_command
from evonas.testing import check_assessment
from spaces import EvonasError
from tests.evonas.networks import digits, trained

BOTH = ("ibp", "crown-ibp")
QUICK = EvaluateSettings(
    attacks=("pgd",), epsilons=(4.0, 1.0, 0.0), steps=3, images=14, batch_size=6, checks=0, corruptions=False,
    device="cpu", certify=BOTH,
)  # fmt: skip
COUNT = 12


@pytest.fixture
def run(picture_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(picture_run, tmp_path / "run"))


@pytest.fixture(scope="module")
def evaluation(picture_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Of a run that tests only read."""
    return evonas.evaluate(shutil.copytree(picture_run, tmp_path_factory.mktemp("evaluated") / "run"), QUICK)


def subject(model: Callable[[Tensor], Tensor] | None = None, batch_size: int = 5, count: int = COUNT) -> Subject:
    images, labels = digits("test")
    return Subject(trained() if model is None else model, images[:count], labels[:count], batch_size=batch_size)


def rendered(renderable: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_accuracies_follow_from_the_radii_and_stand_beside_the_attack(evaluation: Evaluation) -> None:
    for name in BOTH:
        found = evaluation.certified[name]
        assert list(found.rates) == [4.0, 1.0, 0.0] and len(found.radii) == 14
        assert found.rates[0.0] == evaluation.clean  # epsilon 0 is the clean accuracy
        for epsilon in (4.0, 1.0):
            assert found.rates[epsilon].right == sum(radius >= epsilon for radius in found.radii)
            pgd = evaluation.attacks["pgd"][epsilon].rate
            assert evaluation.gaps[name][epsilon] == pgd.accuracy - found.rates[epsilon].accuracy >= 0
    ibp, linear = (evaluation.certified[name] for name in BOTH)
    assert all(tight >= loose for tight, loose in zip(linear.radii, ibp.radii, strict=True))
    assert linear.rates[1.0].right > 0 and linear.width is not None and ibp.width is not None
    assert 0 < linear.width < ibp.width


def test_it_is_in_the_file_and_wherever_attacks_are(evaluation: Evaluation) -> None:
    assert evaluation.path is not None
    run = evaluation.path.parent
    written = json.loads(evaluation.path.read_text())
    assert written["assessments"]["ibp"]["identity"]["epsilons"] == [4.0, 1.0, 0.0]
    assert written["gap_to_pgd"]["ibp"]["4"] == evaluation.gaps["ibp"][4.0]
    assert Evaluation.from_json(written) == dataclasses.replace(evaluation, path=None)
    rate = evaluation.certified["crown-ibp"].rates[1.0]
    share, gap = f"{100 * rate.accuracy:.2f} %", f"{100 * evaluation.gaps['crown-ibp'][1.0]:.2f}"
    median = f"{evaluation.certified['crown-ibp'].quartiles[1]:.5g}"
    summary = evonas.summarise(run)
    for text in (rendered(evaluated(evaluation, 200)), rendered(Overview(summary))):  # type: ignore[arg-type]
        assert share in next(line for line in text.splitlines() if line.startswith("crown-ibp certified 1/255"))
        assert median in next(line for line in text.splitlines() if line.startswith("crown-ibp radius median"))
    assert f"{gap} points below pgd" in rendered(evaluated(evaluation, 200))
    (row, *_) = evonas.compare([run])  # the headline, as for attacks
    assert list(row.assessments) == ["ibp certified 4/255", "crown-ibp certified 4/255"]
    assert "crown-ibp certified 4/255" in rendered(compared([row]))
    card = evonas.export(run, ["genotype"]).card.read_text()
    assert f"| crown-ibp certified 1/255 | {share} |" in card
    assert f"{gap} points at 1/255" in next(line for line in card.splitlines() if "by crown-ibp below" in line)
    text = page(gather(run))
    assert "<h3>Certified by crown-ibp</h3>" in text and f"<td>{gap}</td>" in text
    assert "ibp certified 1/255: " in text  # a point of the curve
    assert [curve.name for curve in curves(evaluation)] == ["pgd", "ibp certified", "crown-ibp certified"]
    assert [curve.epsilons for curve in curves(evaluation)] == [[0, 1, 4]] * 3
    assert "--certify ibp,crown-ibp" in evaluate_command(evaluation, run)
    assert "--assess" not in evaluate_command(evaluation, run)


class Interrupting(Listener):
    """Stops the evaluation in the middle of a certificate, as Ctrl-C does."""

    def measuring(self, event: ImagesMeasured) -> None:
        if event.what == "crown-ibp" and event.done == 12:
            raise KeyboardInterrupt


def test_interrupted_in_the_middle_and_repeated_it_equals_an_uninterrupted_one(
    run: Path, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Interrupted, match="finished work is saved"):
        evonas.evaluate(run, QUICK, Interrupting())
    assert not (run / "evaluation.json").exists()
    computed: list[int] = []
    kept = certificates["crown-ibp"]._certified

    def counted(self: IBP, *arguments: object) -> object:
        computed.append(1)
        return kept(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(certificates["crown-ibp"], "_certified", counted)
    again = evonas.evaluate(run, QUICK)
    assert again.assessments == evaluation.assessments and len(computed) == 1


def test_it_is_verified_from_the_journal(run: Path) -> None:
    evonas.evaluate(run, dataclasses.replace(QUICK, images=6, batch_size=3))
    findings = evonas.verify(run, sample=100).findings
    assert {finding.status for finding in findings if finding.part == "evaluation"} == {"same"}
    path = run / "evaluation.json"
    written = json.loads(path.read_text())
    written["assessments"]["ibp"]["detail"][3] += 0.5
    path.write_text(json.dumps(written))
    (wrong,) = [finding for finding in evonas.verify(run, sample=1).findings if not finding.passed]
    assert "assessments.ibp.detail.3" in wrong.detail


@pytest.mark.parametrize("name", list(certificates))
def test_a_certificate_keeps_the_contract_of_an_assessment(name: str) -> None:
    check_assessment(certificates[name].from_options(CertificateOptions((1.0, 0.01), n0=5, n=20)))


@pytest.mark.parametrize("name", BOTH)
def test_no_image_within_its_certified_radius_changes_its_class(name: str) -> None:
    here = subject()
    found = certificates[name].from_options(CertificateOptions((1.0,))).run(here)
    radii = torch.tensor(found.detail, dtype=torch.float64)
    assert (radii > 0).sum() >= COUNT // 2
    pixels, labels = here.load(torch.arange(COUNT))
    generator = torch.Generator().manual_seed(0)
    assert isinstance(here.model, nn.Module)
    for _ in range(200):
        corner = 2 * torch.randint(2, pixels.shape, generator=generator) - 1
        moved = (pixels + corner * radii.view(-1, 1, 1, 1) / 255).float().clamp(0, 1)
        assert here.correct(moved, labels)[radii > 0].all()
    at = pixels.clone().requires_grad_()
    for k in range(10):
        (slope,) = torch.autograd.grad(here.model(at)[:, k].sum(), at)
        moved = (pixels + slope.sign() * radii.view(-1, 1, 1, 1) / 255).float().clamp(0, 1)
        assert here.correct(moved, labels)[radii > 0].all()


def test_the_batch_size_does_not_change_a_radius() -> None:
    kinds = [certificates[name].from_options(CertificateOptions((1.0,))) for name in BOTH]
    for kind in kinds:
        assert kind.run(subject(batch_size=2)).detail == kind.run(subject(batch_size=250)).detail


def test_an_attack_that_breaks_a_certified_image_stops_the_evaluation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        IBP, "margins", lambda self, bounded, images, labels, radius: torch.full((len(images),), 9.0)
    )
    far = dataclasses.replace(QUICK, epsilons=(200.0,), certify=("ibp",))
    with pytest.raises(EvonasError, match=r"internal error .* ibp certifies image \d+ up to 255/255, but pgd"):
        evaluate_subject(subject(), far)


def test_vacuous_bounds_are_said_to_be_vacuous(run: Path) -> None:
    said: list[str] = []

    class Heard(Listener):
        def message(self, event: object) -> None:
            said.append(event.text)  # type: ignore[attr-defined]

    wide = dataclasses.replace(QUICK, epsilons=(120.0,), attacks=(), images=6)
    found = evonas.evaluate(run, wide, Heard())
    for name in BOTH:
        (note,) = [text for text in said if text.startswith(f"{name}: ")]
        assert "vacuous at every epsilon" in note and "At 120/255 the bounds of a logit are" in note
        positive = [radius for radius in found.certified[name].radii if radius > 0]
        assert f"radii above 0 is {np.median(positive):.3g}/255" in note
        summary = evonas.summarise(run)
        report = page(gather(run))
        assert "<h3>Accuracy against epsilon</h3>" in report  # of certificates without an attack
        for text in (rendered(evaluated(found, 2000)), rendered(Overview(summary)), report):  # type: ignore[arg-type]
            assert "vacuous at every epsilon" in text
        assert note in evonas.export(run, ["genotype"]).card.read_text()


def test_bounds_that_certify_something_have_no_note(evaluation: Evaluation) -> None:
    assert evaluation.certified["crown-ibp"].note == "" and not evaluation.certified["crown-ibp"].is_vacuous


class Foreign(nn.Module):
    """A network whose forward pass computes with tensors alone."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = trained()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.inner(x)
        return found


def gelu() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)
    ).eval()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: lambda images: trained()(images), "the model is a function"),
        (gelu, "there are no bounds for the layer GELU"),
        (Foreign, "there are no bounds for the layer Foreign"),
    ],
)
@pytest.mark.parametrize("name", BOTH)
def test_a_network_without_rules_is_refused_before_anything_is_measured(
    name: str, model: Callable[[], Callable[[Tensor], Tensor]], message: str
) -> None:
    heard: list[object] = []
    here = subject(model())
    here.observer = heard.append
    with pytest.raises(UsageError, match=message):
        evaluate_subject(here, dataclasses.replace(QUICK, certify=(name,)))
    assert heard == []


def test_names_are_checked() -> None:
    for names, message in ((("crown",), "crown-ibp"), (("ibp", "ibp"), "twice")):
        with pytest.raises(UsageError, match=message):
            EvaluateSettings(certify=names).resolve()
    assert EvaluateSettings.from_options(certify="ibp, crown-ibp").certify == BOTH
    stored = QUICK.as_dict()
    del stored["certify"]  # of an older version
    assert EvaluateSettings.from_dict(stored) == dataclasses.replace(QUICK, certify=())


@pytest.mark.parametrize("broken", [{"epsilons": None}, {"epsilons": [7.0]}, {"epsilons": ["4"]}])
def test_an_invalid_certificate_is_not_read(evaluation: Evaluation, broken: dict[str, object]) -> None:
    written = json.loads(json.dumps(evaluation.as_json()))
    written["assessments"]["ibp"]["identity"] |= broken
    with pytest.raises(ValueError, match="certificate ibp"):
        Evaluation.from_json(written)
    written["assessments"]["ibp"]["identity"] |= {"epsilons": [4.0]}
    written["assessments"]["ibp"]["detail"] = [None]
    with pytest.raises(ValueError, match="certificate ibp"):
        Evaluation.from_json(written)


@pytest.mark.parametrize("epsilons", [(8.0,), (0.0,), (255.0, 1e-3, 3.0)])
def test_the_bisection_finds_the_largest_radius_of_the_grid(epsilons: tuple[float, ...]) -> None:
    true = torch.tensor([0.0, 1e-13, 1e-9, 0.5, 2.0, 3.0, 7.999, 8.0, 100.0, 254.0, 300.0], dtype=torch.float64)
    calls = []

    def holds(chosen: Tensor, radius: Tensor) -> Tensor:
        calls.append(len(chosen))
        return radius <= true[chosen]

    found = largest(holds, len(true), epsilons)
    places = grid(epsilons).tolist()
    assert found == [max([radius for radius in places if radius <= limit], default=0.0) for limit in true.tolist()]
    assert len(calls) <= 10 + len(epsilons) and found[-1] == 255.0


def test_a_radius_that_is_certified_counts_though_a_smaller_one_fails() -> None:
    found = largest(lambda chosen, radius: radius == 4.0, 1, (4.0, 1.0))  # linear bounds need not be monotone
    assert found[0] == 4.0


def test_an_image_is_certified_at_its_radius_and_at_epsilon_0_if_it_is_right() -> None:
    right = torch.tensor([True, True, True, False])
    outcome = IBP((4.0, 0.0))._outcome([4.0, 3.9, 0.0, 0.0], [], right)
    assert {label: rate.right for label, rate in outcome.rates.items()} == {
        "certified 4/255": 1,
        "certified 0/255": 3,
    }


def test_an_outcome_of_another_kind_is_no_certificate(evaluation: Evaluation) -> None:
    outcome = dataclasses.replace(evaluation.assessments["ibp"], identity={"version": 1})
    assert Certified.of("ibp", outcome) is None
