"""Randomised smoothing: radii that hold, the same numbers for any batch size, and the file of the literature."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from scipy.stats import binom
from torch import Tensor, nn

import evonas
from evonas import EvaluateSettings, UsageError
from evonas.core.events import Listener
from evonas.core.signals import Interrupted, StopRequest
from evonas.evaluation.certificates import binomial
from evonas.evaluation.certificates.smoothed import Timed, radii_up_to
from evonas.evaluation.certificates.smoothing import Smoothing
from evonas.evaluation.events import ImagesMeasured
from evonas.evaluation.journal import Journal
from evonas.evaluation.result import Evaluation
from evonas.evaluation.subject import Subject
from evonas.reporting.facts import gather
from evonas.reporting.html.page import page
from evonas.reporting.reproduce import evaluate_command
from evonas.store.aside import is_about_the_winner
from evonas.store.scratch import OF_A_RUN
from spaces import EvonasError

SETTINGS = EvaluateSettings(
    attacks=(),
    images=6,
    checks=0,
    corruptions=False,
    device="cpu",
    certify=("smoothing",),
    sigma=(0.1,),
    n0=10,
    n=60,
)
HEADER = "idx\tlabel\tpredict\tradius\tcorrect\ttime"


class Plane(nn.Module):
    """Two classes on the sides of a plane: the distance of an image from it is its true radius under smoothing."""

    def __init__(self) -> None:
        super().__init__()
        normal = torch.randn(3, 6, 6, generator=torch.Generator().manual_seed(0))
        self.normal = nn.Parameter(normal / normal.norm())

    def forward(self, x: Tensor) -> Tensor:
        distance = ((x - 0.5) * self.normal).flatten(1).sum(1)
        return torch.stack([distance, -distance], 1)

    def subject(self, count: int = 40, **options: object) -> tuple[Subject, Tensor]:
        """Images with labels 0, and their distances from the plane."""
        generator = torch.Generator().manual_seed(1)
        images = torch.randint(256, (count, 3, 6, 6), generator=generator, dtype=torch.uint8)
        labels = torch.zeros(count, dtype=torch.int64)
        distances = self(images.float() / 255)[:, 0].detach()
        return Subject(self, images, labels, **options), distances  # type: ignore[arg-type]


def test_a_radius_is_the_distance_of_a_plane_or_less() -> None:
    subject, distances = Plane().subject()
    outcome = Smoothing(0.25, 10, 2000).run(subject)
    radii, predicted = torch.tensor(outcome.detail["radius"]), torch.tensor(outcome.detail["predict"])
    certified = predicted >= 0
    assert certified.sum() > 30 and (predicted[certified] == (distances < 0).long()[certified]).all()
    assert (radii <= distances.abs())[certified].all() and (radii[~certified] == 0).all()
    near = (distances.abs() < 0.4) & certified  # farther ones are cut off by the number of samples
    assert (radii > distances.abs() - 0.06)[near].all() and near.sum() > 20
    right = (predicted == 0) & (distances > 0)
    assert outcome.rates["certified l2 0"].right == right.sum()
    assert outcome.rates["certified l2 0.25"].right == (right & (radii >= 0.25)).sum()
    assert outcome.rates["abstained"].right == (~certified).sum()
    assert outcome.numbers["average certified l2 radius"] == pytest.approx((radii * right).mean().item())


def test_radii_hold_in_all_but_a_share_alpha_of_repetitions() -> None:
    wrong = certified = 0
    for seed in range(3):
        subject, distances = Plane().subject(50, seed=seed)
        detail = Smoothing(0.25, 2, 50, alpha=0.2).run(subject).detail
        radii = torch.tensor(detail["radius"])
        wrong += int((radii > distances.abs()).sum())
        certified += int((radii > 0).sum())
    assert 0 < wrong <= binom.ppf(0.999, certified, 0.2)


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    for count, n, alpha in ((99, 100, 0.001), (55_000, 100_000, 0.001), (1, 3, 0.05)):
        bound = binomial.lower_bound(count, n, alpha)
        assert binom.sf(count - 1, n, bound) == pytest.approx(alpha)
    assert binomial.lower_bound(0, 10, 0.1) == 0
    assert binomial.lower_bound(100_000, 100_000, 0.001) == pytest.approx(0.001 ** (1 / 100_000))
    assert Smoothing(1.0).largest == pytest.approx(3.81, abs=0.005)
    assert binomial.majority([48, 12, 60], 0.001) is None and binomial.majority([10, 0, 60], 0.001) == 2


@pytest.mark.parametrize(
    ("largest", "radii"), [(0.5, [0, 0.25, 0.5]), (0.1, [0, 0.0625]), (7.9, [0.5 * k for k in range(16)])]
)
def test_radii_of_the_table(largest: float, radii: list[float]) -> None:
    assert radii_up_to(largest) == radii


def test_the_batch_size_does_not_change_a_number() -> None:
    kind = Smoothing(0.25, 5, 300)
    whole = kind.run(Plane().subject(12)[0])
    assert kind.run(Plane().subject(12, batch_size=1)[0]) == whole
    assert kind.run(Plane().subject(12, seed=1)[0]) != whole


def test_samples_of_the_estimate_are_fresh_and_the_same_for_any_selection() -> None:
    subject, _ = Plane().subject(1)
    pixels = torch.full((1, 3, 6, 6), 0.5)  # on the plane: counts are about equal, and equal by chance only
    kind = Smoothing(0.25, 400, 400)
    counts = [kind._counts(subject, pixels, 0, purpose, 400).tolist() for purpose in ("select", "estimate")]
    assert counts[0] != counts[1] and [sum(one) for one in counts] == [400, 400]
    others = kind._counts(subject, pixels, 1, "estimate", 400)
    assert others.tolist() != counts[1]
    entry = kind._counted(subject, torch.tensor([0]))
    image = subject.load(torch.tensor([0]))[0]
    assert entry["counts"] == kind._counts(subject, image, 0, "estimate", 400).tolist()
    assert entry["counts"] != kind._counts(subject, image, 0, "select", 400).tolist()
    fewer = Smoothing(0.25, 3, 400)._counts(subject, pixels, 0, "estimate", 400)
    assert fewer.tolist() == counts[1]


def test_logits_that_are_not_finite_are_of_no_class() -> None:
    class Broken(Plane):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) / torch.zeros(1)

    detail = Smoothing(0.25, 5, 20).run(Broken().subject(2)[0]).detail
    assert detail == {"label": [0, 0], "predict": [-1, -1], "radius": [0.0, 0.0]}


def test_another_alpha_needs_no_new_samples() -> None:
    journal, calls = Journal(), []

    class Counted(Plane):
        def forward(self, x: Tensor) -> Tensor:
            calls.append(1)
            return super().forward(x)

    for alpha in (0.01, 0.2):
        Smoothing(0.25, 5, 50, alpha).run(Counted().subject(3, journal=journal)[0])
        before = len(calls)
    Smoothing(0.25, 5, 50, 0.3).run(Counted().subject(3, journal=journal)[0])
    assert len(calls) - before <= 1  # of the test itself, for the distances


def test_a_request_to_stop_is_answered_in_the_middle_of_an_image() -> None:
    stop = StopRequest()

    class Stopping(Plane):
        def forward(self, x: Tensor) -> Tensor:
            stop.requested = len(x) > 5
            return super().forward(x)

    with pytest.raises(Interrupted):
        Smoothing(0.25, 5, 10**6).run(Stopping().subject(1, stop=stop)[0])


@pytest.fixture(scope="module")
def original(picture_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained network of one cell, evaluated."""
    path = Path(shutil.copytree(picture_run, tmp_path_factory.mktemp("smoothed") / "run"))
    evonas.evaluate(path, SETTINGS)
    return path


def without_time(path: Path) -> list[list[str]]:
    return [line.split("\t")[:5] for line in path.read_text().splitlines()]


def test_it_is_wherever_assessments_are(original: Path) -> None:
    written = json.loads((original / "evaluation.json").read_text())
    assert written["assessments"]["smoothing"]["identity"] == {
        **{"smoothing": 1, "sigma": 0.1, "n0": 10, "n": 60, "alpha": 0.001, "norm": "L2"}
    }
    found = Evaluation.from_json(written)
    smoothed = found.smoothed["smoothing"]
    assert list(smoothed.rates) == [0, 0.0625, 0.125] or list(smoothed.rates) == [0, 0.0625]
    assert not found.certified and found.notes == [] and "smoothing_file" not in written["settings"]
    share = f"{100 * smoothed.rates[0].accuracy:.2f}"
    assert [*evonas.compare([original])[0].assessments] == [
        "smoothing certified l2 0",
        "smoothing certified l2 0.0625",
    ]
    assert f"| smoothing certified l2 0 | {share} %" in evonas.export(original, ["genotype"]).card.read_text()
    text = page(gather(original))
    assert "Certified by randomised smoothing (l2)" in text and f"<td>{share}</td>" in text
    command = evaluate_command(found, original)
    assert (
        "--certify smoothing" in command and "--sigma 0.1 --n0 10 --n 60" in command and "--alpha" not in command
    )
    findings = evonas.verify(original, sample=100).findings
    assert {finding.status for finding in findings if finding.part == "evaluation"} == {"same"}


def test_the_file_has_the_columns_of_the_literature(original: Path) -> None:
    head, *lines = (original / "smoothing.tsv").read_text().splitlines()
    assert head == HEADER and len(lines) == 6
    detail = json.loads((original / "evaluation.json").read_text())["assessments"]["smoothing"]["detail"]
    for place, line in enumerate(lines):
        idx, label, predict, radius, correct, took = line.split("\t")
        assert idx.isdecimal() and int(label) == detail["label"][place]
        assert int(predict) == detail["predict"][place] and radius == f"{detail['radius'][place]:.3}"
        assert correct == str(int(label == predict)) and took.startswith("0:00:0") and took != "0:00:00"


class Interrupting(Listener):
    """Ctrl-C after the third image."""

    def __init__(self, what: str = "smoothing") -> None:
        self.what = what

    def measuring(self, event: ImagesMeasured) -> None:
        if event.what == self.what and event.done == 3:
            raise KeyboardInterrupt


def test_interrupted_and_repeated_it_equals_an_uninterrupted_one(
    original: Path, picture_run: Path, tmp_path: Path
) -> None:
    run, elsewhere = Path(shutil.copytree(picture_run, tmp_path / "run")), tmp_path / "radii.tsv"
    settings = dataclasses.replace(SETTINGS, smoothing_file=str(elsewhere))
    with pytest.raises(Interrupted):
        evonas.evaluate(run, settings, Interrupting())
    assert not elsewhere.exists()
    again = evonas.evaluate(run, dataclasses.replace(settings, batch_size=2))
    assert again.assessments == evonas.evaluate(original, SETTINGS).assessments
    assert without_time(elsewhere) == without_time(original / "smoothing.tsv")
    assert not (run / "smoothing.tsv").exists()


def test_several_sigmas_have_the_numbers_of_a_command_for_each(
    original: Path, picture_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, alone = (Path(shutil.copytree(picture_run, tmp_path / name)) for name in ("run", "alone"))
    for name in ("evaluation.json", "evaluation.db"):
        shutil.copy(original / name, run)
    calls: list[float] = []
    counted = Smoothing._counted
    monkeypatch.setattr(Smoothing, "_counted", lambda self, *a: calls.append(self.sigma) or counted(self, *a))
    settings = dataclasses.replace(SETTINGS, sigma=(0.2, 0.1), batch_size=2)
    with pytest.raises(Interrupted):
        evonas.evaluate(run, settings, Interrupting("smoothing@0.2"))
    found = evonas.evaluate(run, settings)
    assert calls == [0.2] * 6  # that of 0.1 is in the journal
    expected = [
        evonas.evaluate(path, dataclasses.replace(SETTINGS, sigma=sigma)).assessments["smoothing"]
        for path, sigma in ((alone, 0.2), (original, 0.1))
    ]
    assert list(found.assessments) == ["smoothing@0.2", "smoothing@0.1"]
    assert [*found.assessments.values()] == expected and expected[0].rates != expected[1].rates
    for sigma, path in (("0.2", alone), ("0.1", original)):
        assert without_time(run / f"smoothing-{sigma}.tsv") == without_time(path / "smoothing.tsv")
    assert not (run / "smoothing.tsv").exists()
    stored = [json.loads((path / "evaluation.json").read_text())["settings"]["sigma"] for path in (run, alone)]
    assert stored == [[0.2, 0.1], 0.2]
    assert "--sigma 0.2,0.1 --n0 10" in (command := evaluate_command(found, run))
    assert "--certify smoothing" in command and "@" not in command
    text, card = page(gather(run)), evonas.export(run, ["genotype"]).card.read_text()
    for sigma in ("0.1", "0.2"):
        assert text.count(f"smoothing (l2), sigma {sigma}<") == 1 and f"| smoothing@{sigma} abstained |" in card
    names = [*evonas.compare([run])[0].assessments]
    assert len(names) == 4 and "smoothing@0.2 certified l2 0" in names
    findings = evonas.verify(run, sample=100).findings
    assert {finding.status for finding in findings if finding.part == "evaluation"} == {"same"}


def test_files_of_all_sigmas_belong_to_the_run() -> None:
    for name in ("smoothing.tsv", "smoothing-0.25.tsv", "smoothing-1e-06.tsv"):
        assert is_about_the_winner(name) and OF_A_RUN.fullmatch(name)
    assert not is_about_the_winner("smoothing-of-mine.tsv") and not OF_A_RUN.fullmatch("smoothing-of-mine.tsv")


@pytest.mark.slow
def test_killed_25_times_it_writes_the_same_file(original: Path, picture_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(picture_run, tmp_path / "run"))
    words = "--attacks= --images 6 --checks 0 --no-corruptions --certify smoothing --sigma 0.1,0.2 --n0 10 --n 60"
    command = [sys.executable, "-m", "evonas", "evaluate", str(run), *words.split(), "--device", "cpu"]
    chance = random.Random(0)
    for _ in range(25):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(2, 7))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, capture_output=True)
    assert (run / "smoothing-0.2.tsv").exists()
    assert without_time(run / "smoothing-0.1.tsv") == without_time(original / "smoothing.tsv")


def test_without_a_certificate_it_says_what_to_train(original: Path) -> None:
    written = json.loads((original / "evaluation.json").read_text())
    detail = written["assessments"]["smoothing"]["detail"]
    detail["radius"] = [0.0] * 6
    (note,) = Evaluation.from_json(written).notes
    assert "no image has a certified class at sigma 0.1" in note
    for broken in ({"radius": [0.0] * 5}, {"radius": ["1"] * 6}, {"predict": None}):
        written["assessments"]["smoothing"]["detail"] = {**detail, **broken}
        with pytest.raises(ValueError, match=r"smoothing|predict"):
            Evaluation.from_json(written)


def test_a_damaged_entry_of_the_journal_is_refused() -> None:
    journal = Journal()
    kind = Smoothing(0.25, 5, 50)
    kind.run(Plane().subject(2, journal=journal)[0])
    journal._db.execute("UPDATE outcomes SET payload = '[3]'")
    with pytest.raises(EvonasError, match="an entry does not hold counts of classes; remove it"):
        kind.run(Plane().subject(2, journal=journal)[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EvaluateSettings(sigma=0), "--sigma must be a part of the pixel range above 0"),
        (lambda: EvaluateSettings(sigma=float("nan")), "--sigma must be"),
        (lambda: EvaluateSettings(sigma=(0.1, -1)), "--sigma must be a part of the pixel range above 0"),
        (lambda: EvaluateSettings(sigma=(0.1, 0.2, 0.1)), "--sigma names 0.1 twice"),
        (lambda: EvaluateSettings(sigma=()), "--sigma needs at least one number"),
        (lambda: EvaluateSettings.from_options(sigma="0.1;0.2"), "--sigma takes numbers separated by commas"),
        (lambda: EvaluateSettings(alpha=0.5), "--alpha must be a probability above 0 and below 0.5, not 0.5"),
        (lambda: EvaluateSettings(n0=0), "--n0"),
        (lambda: EvaluateSettings(certify="smoothing", n=9).resolve(), r"--n 9 samples certify nothing .*; 10"),
        (lambda: EvaluateSettings(smoothing_file="a"), "add --certify smoothing"),
        (
            lambda: EvaluateSettings(certify="smoothing", smoothing_file="no/such/place").resolve(),
            "--smoothing-file needs a file name in an existing directory",
        ),
    ],
)  # fmt: skip
def test_values_that_make_no_sense_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_settings_of_an_older_version_are_read() -> None:
    stored = EvaluateSettings().as_dict()
    for name in ("sigma", "n0", "n", "alpha"):
        del stored[name]
    assert EvaluateSettings.from_dict(stored) == EvaluateSettings()
    assert isinstance(Smoothing(0.25, 5, 50).run(Plane().subject(2)[0]), Timed)
