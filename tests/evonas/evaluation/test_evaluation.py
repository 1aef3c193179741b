"""The protocol: what is attacked, what is kept, what is checked, and what comes out."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scipy.stats
import torch
from torch import Tensor, nn

import evonas
from evonas import EvaluateSettings, EvonasError, UsageError
from evonas.core.events import Listener
from evonas.core.signals import Interrupted, StopRequest
from evonas.evaluation.attacking import left_by
from evonas.evaluation.attacks import Attack, attacks, autoattack
from evonas.evaluation.attacks.apgd_ce import ApgdCE
from evonas.evaluation.attacks.apgd_t import ApgdT
from evonas.evaluation.attacks.fab_t import FabT
from evonas.evaluation.attacks.square import Square
from evonas.evaluation.evaluate import evaluate_subject
from evonas.evaluation.events import ImagesMeasured
from evonas.evaluation.journal import Journal
from evonas.evaluation.rates import hrs, sign_test, wilson
from evonas.evaluation.subject import Subject
from evonas.training import checkpoint
from evonas.training.settings import TrainSettings
from tests.evonas.networks import digits, trained

STANDARD = autoattack.MEMBERS
SHORT = (ApgdCE(steps=4), ApgdT(steps=2), FabT(steps=2), Square(queries=20))  # AutoAttack in seconds
SETTINGS = EvaluateSettings(
    attacks=("fgsm", "pgd"),
    epsilons=(8.0, 4.0),
    steps=5,
    restarts=2,
    batch_size=16,
    checks=0,
    device="cpu",
    corruptions=False,
)


@pytest.fixture(autouse=True)
def short_autoattack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoattack, "MEMBERS", SHORT)


def subject(model: Any = None, count: int = 40, **options: Any) -> Subject:
    images, labels = digits("test")
    options = {"batch_size": SETTINGS.batch_size, **options}
    return Subject(trained() if model is None else model, images[:count], labels[:count], **options)


class Counted(Listener):
    """Asks to stop after so many chunks."""

    def __init__(self, stop: StopRequest, after: int) -> None:
        self.stop, self.left = stop, after

    def measuring(self, event: ImagesMeasured) -> None:
        self.left -= 1
        if self.left == 0:
            self.stop.requested = True


@pytest.mark.parametrize("name", [*attacks])
def test_evaluating_twice_gives_the_same_numbers(name: str) -> None:
    settings = dataclasses.replace(SETTINGS, attacks=(name,), epsilons=(12.0,), steps=3, queries=20)
    first, second = (evaluate_subject(subject(count=20), settings).as_json() for _ in range(2))
    assert first == second
    assert first[name]["accuracy"] < first["clean"]["accuracy"]


@pytest.mark.parametrize("name", ["apgd-t", "autoattack"])
def test_too_few_classes_are_refused_before_anything_is_measured(name: str) -> None:
    class Never(Listener):
        def measuring(self, event: ImagesMeasured) -> None:
            what = event.what
            raise AssertionError(what)

    three = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 3))
    with pytest.raises(UsageError, match="at least 4 classes, but the model has 3"):
        evaluate_subject(subject(three, observer=Never()), dataclasses.replace(SETTINGS, attacks=("fgsm", name)))


def test_the_targets_that_are_named_are_those_that_are_tried() -> None:
    three = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 3))
    few = subject(three, count=4)
    few.labels = few.labels % 3
    settings = dataclasses.replace(SETTINGS, attacks=("fab-t",), epsilons=(1.0,), steps=1, restarts=1)
    assert evaluate_subject(few, settings).as_json()["fab-t"]["targets"] == 2
    assert FabT().describe(8.0, 10)["targets"] == 9


@pytest.mark.parametrize("after", [3, *(pytest.param(i, marks=pytest.mark.slow) for i in (6, 8))])
def test_an_interrupted_autoattack_continues_and_ends_equal(
    after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dataclasses.replace(SETTINGS, attacks=("autoattack",), epsilons=(8.0,))
    calls: list[str] = []
    call = Attack.__call__

    def watched(self: Attack, *arguments: Any) -> Tensor:
        calls.append(self.name)
        return call(self, *arguments)

    monkeypatch.setattr(Attack, "__call__", watched)
    whole = evaluate_subject(subject(count=28), settings).as_json()
    uninterrupted, calls[:] = sorted(calls), []
    assert len(set(uninterrupted)) == len(SHORT)
    with Journal(tmp_path / "evaluation.db") as journal:
        stop = StopRequest()
        with pytest.raises(Interrupted):
            evaluate_subject(
                subject(count=28, journal=journal, stop=stop, observer=Counted(stop, after)), settings
            )
    with Journal(tmp_path / "evaluation.db") as journal:
        assert evaluate_subject(subject(count=28, journal=journal), settings).as_json() == whole
    assert sorted(calls) == uninterrupted  # nothing was computed twice


def test_what_was_kept_of_other_weights_images_or_settings_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.db"

    def found(**options: Any) -> list[Any]:
        """With the journal, and without: equal unless something stale is read."""
        options.setdefault("count", 20)
        chosen = dataclasses.replace(SETTINGS, epsilons=(8.0,), restarts=1, **options.pop("settings", {}))
        fresh = evaluate_subject(subject(**options), chosen).as_json()
        with Journal(path) as journal:
            return [evaluate_subject(subject(journal=journal, **options), chosen).as_json(), fresh]

    def entries() -> int:
        with Journal(path) as journal:
            return int(journal._db.execute("SELECT count(*) FROM outcomes").fetchone()[0])

    first, again = found()
    assert first == again
    kept = entries()
    assert found()[0] == first and entries() == kept
    for options in (
        {"model": trained(3)},
        {"count": 19},
        {"seed": 1},
        {"settings": {"steps": 6}},
        {"identity": "another genotype"},
    ):
        before = entries()
        with_journal, fresh = found(**options)  # type: ignore[arg-type]
        assert with_journal == fresh and entries() > before, options


def test_only_what_is_still_right_is_attacked(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, set[int]] = {}
    call = Attack.__call__

    def watched(self: Attack, model: Any, images: Tensor, labels: Tensor, epsilon: float, draws: Any) -> Tensor:
        seen.setdefault(self.name, set()).update(draws.indices)
        return call(self, model, images, labels, epsilon, draws)

    monkeypatch.setattr(Attack, "__call__", watched)
    whole = subject()
    right = whole.clean()
    assert not right.all()
    outcomes = left_by(whole, autoattack.AutoAttack(), 6.0, right)
    expected = right
    for name, left in outcomes:
        assert seen[name] == set(expected.nonzero().flatten().tolist())
        assert not (left & ~expected).any()
        expected = left


def test_the_batch_size_changes_nothing_for_our_attacks() -> None:
    whole, parts = (evaluate_subject(subject(batch_size=size), SETTINGS).attacks for size in (40, 7))
    assert whole == parts


def test_a_model_of_any_kind_can_be_evaluated_but_is_not_kept(tmp_path: Path) -> None:
    model = trained()
    with Journal(tmp_path / "evaluation.db") as journal:
        plain = evaluate_subject(subject(lambda images: model(images), journal=journal), SETTINGS)
        assert journal._db.execute("SELECT count(*) FROM outcomes").fetchone() == (0,)
    assert plain.as_json() == evaluate_subject(subject(), SETTINGS).as_json()


def test_images_that_are_not_uint8_are_refused() -> None:
    images, labels = digits("test")
    with pytest.raises(UsageError, match="uint8"):
        Subject(trained(), images.float() / 255, labels)
    with pytest.raises(UsageError, match="labels"):
        Subject(trained(), images, labels[:-1])


class Rounded(nn.Module):
    """Has no gradients: its input is rounded."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = trained()

    def forward(self, images: Tensor) -> Tensor:
        return self.inner((images * 16).round() / 16)


class Noisy(Rounded):
    """Answers differently each time."""

    def forward(self, images: Tensor) -> Tensor:
        return self.inner((images + 0.2 * torch.randn_like(images)).clamp(0, 1))


class Softmax(Rounded):
    """Answers with probabilities."""

    def forward(self, images: Tensor) -> Tensor:
        return self.inner(images).softmax(1)


class Saturated(Rounded):
    """So sure of itself that the gradient of its loss rounds to zero."""

    def forward(self, images: Tensor) -> Tensor:
        return 1000 * self.inner(images)


def failed(model: Any, epsilon: float = 8.0) -> set[str]:
    settings = dataclasses.replace(SETTINGS, attacks=(), epsilons=(epsilon,), steps=10, restarts=1, checks=50)
    return {
        check.name
        for check in evaluate_subject(subject(model, 50, batch_size=50), settings).checks
        if not check.passed
    }


def test_an_honest_network_passes_every_check() -> None:
    settings = dataclasses.replace(
        SETTINGS, attacks=("fgsm", "pgd", "square", "autoattack"), queries=30, checks=40, steps=10, restarts=1
    )
    checks = evaluate_subject(subject(count=40, batch_size=40), settings).checks
    assert len(checks) >= 14 and not [check for check in checks if not check.passed]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Rounded, {"no gradient vanishes", "a large epsilon leaves nothing"}),
        (Saturated, {"no gradient vanishes"}),
        (Noisy, {"the network is deterministic"}),
        (Softmax, {"the network answers with logits"}),
    ],
    ids=["masked", "saturated", "random", "softmax"],
)
def test_a_network_that_deceives_its_attacker_is_found_out(
    model: Callable[[], nn.Module], expected: set[str]
) -> None:
    assert failed(model()) >= expected


def test_attacks_that_are_weaker_than_they_should_be_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from evonas.evaluation.attacks.pgd import PGD

    perturb = PGD.perturb

    def worse_with_steps(self: PGD, *arguments: Any) -> Tensor:
        return arguments[1] if self.steps > 3 else perturb(self, *arguments)

    monkeypatch.setattr(PGD, "perturb", worse_with_steps)
    assert failed(trained()) == {"pgd is as strong as fgsm", "a large epsilon leaves nothing"}
    settings = dataclasses.replace(SETTINGS, attacks=(), epsilons=(8.0,), steps=3, restarts=1, checks=60)
    checks = evaluate_subject(subject(count=60, batch_size=60), settings).checks
    assert "more steps never help the defender" in {check.name for check in checks if not check.passed}


@pytest.mark.parametrize(("right", "n"), [(0, 10), (3, 10), (10, 10), (9437, 10_000), (1, 1)])
def test_intervals_are_wilsons(right: int, n: int) -> None:
    reference = scipy.stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson(right, n) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_the_harmonic_robustness_score_is_that_of_the_published_table() -> None:
    for clean, robust, published in ((94.45, 22.38, 36.19), (95.35, 14.56, 25.26), (92.84, 15.55, 26.64)):
        assert 100 * hrs(clean / 100, robust / 100) == pytest.approx(published, abs=0.006)
    assert hrs(0.0, 0.0) == 0.0


def test_the_sign_test_is_exact() -> None:
    assert sign_test(0, 0) == 1.0 and sign_test(1, 1) == 0.75
    reference = scipy.stats.binomtest(14, 17, alternative="greater").pvalue
    assert sign_test(14, 3) == pytest.approx(reference, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attacks": "pdg"}, "did you mean pgd"),
        ({"attacks": "pgd,pgd"}, "twice"),
        ({"eps": "8,x"}, "'x'"),
        ({"eps": "8,8.0"}, "twice"),
        ({"eps": "-1"}, "0 to 255"),
        ({"eps": "nan"}, "0 to 255"),
        ({"eps": ","}, "at least one"),
        ({"steps": 0}, "--steps"),
        ({"restarts": 0}, "--restarts"),
        ({"step_size": 0.0}, "--step-size"),
        ({"images": 0}, "--images"),
        ({"batch_size": 0}, "--batch-size"),
        ({"seed": -1}, "--seed"),
        ({"device": "tpu"}, "--device"),
    ],
)
def test_settings_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        EvaluateSettings.from_options(**options).resolve()


@pytest.fixture
def untrained(small: Callable[..., TrainSettings], tmp_path: Path) -> Path:
    """A checkpoint in a run directory."""
    settings = small()
    path = tmp_path / "run" / "train" / "best.safetensors"
    path.parent.mkdir(parents=True)
    tensors = {checkpoint.MODEL + name: value for name, value in settings.build().state_dict().items()}
    checkpoint.write(path, settings, 1, {"validation": 0.5}, tensors)
    return path


QUICK = EvaluateSettings(steps=2, epsilons=(8.0, 2.0), checks=0, corruptions=False, device="cpu")


def test_a_run_and_its_checkpoint_are_evaluated_alike_and_kept_apart(untrained: Path) -> None:
    run = untrained.parent.parent
    of_run, of_file = evonas.evaluate(run, QUICK), evonas.evaluate(untrained, QUICK)
    assert of_run.path and of_file.path
    assert of_run.path == run / "evaluation.json" and of_file.path == untrained.with_suffix(".evaluation.json")
    written = json.loads(of_run.path.read_text())
    assert written == json.loads(json.dumps(of_run.as_json()))
    assert written == json.loads(of_file.path.read_text())
    n = written["clean"]["n"]
    assert set(written["clean"]) == {"accuracy", "n", "ci95"}
    assert {"accuracy", "n", "ci95", "epsilon"} <= set(written["fgsm"]) and written["fgsm"]["epsilon"] == 8
    assert written["pgd"]["steps"] == 2 and written["pgd"]["step_size"] == 10 and written["pgd"]["n"] == n
    assert set(written["hrs"]) == {"fgsm", "pgd"}
    assert set(written["epsilons"]) == {"8", "2"}
    low, high = written["pgd"]["ci95"]
    assert low <= written["pgd"]["accuracy"] <= high
    assert not list(run.rglob("*.part"))


def test_the_corruptions_are_of_the_images_that_are_evaluated(untrained: Path) -> None:
    found = evonas.evaluate(untrained, dataclasses.replace(QUICK, attacks=(), images=6, corruptions=True))
    table = found.as_json()["corruptions"]
    assert table["source"] == "regenerated" and len(table["table"]) == 15
    assert all(len(shares) == 5 and all(0 <= share <= 1 for share in shares) for shares in table["table"].values())
    assert table["n"] == 6


def test_some_of_the_test_images_are_drawn_by_the_seed(untrained: Path) -> None:
    found = evonas.evaluate(untrained, dataclasses.replace(QUICK, images=5))
    assert found.clean.n == 5 and found.protocol.images == 5 and (found.protocol.of or 0) > 5
    with pytest.raises(UsageError, match="--images"):
        evonas.evaluate(untrained, dataclasses.replace(QUICK, images=10_000))


def test_what_cannot_be_evaluated_is_one_message(untrained: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        evonas.evaluate(tmp_path / "nowhere", QUICK)
    with pytest.raises(UsageError, match="evonas train"):
        evonas.evaluate(tmp_path, QUICK)
    truncated = tmp_path / "truncated.safetensors"
    truncated.write_bytes(untrained.read_bytes()[:-100])
    with pytest.raises(EvonasError, match="damaged"):
        evonas.evaluate(truncated, QUICK)
    pickled = tmp_path / "pickled.pt"
    torch.save({"a": torch.zeros(1)}, pickled)
    with pytest.raises(EvonasError, match="pickle"):
        evonas.evaluate(pickled, QUICK)


def test_a_data_set_that_has_changed_is_refused(
    pictures: str, small: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    shutil.copytree(pictures.removeprefix("folder:"), folder)
    settings = dataclasses.replace(small(), dataset=f"folder:{folder}")
    path = tmp_path / "best.safetensors"
    tensors = {checkpoint.MODEL + name: value for name, value in settings.build().state_dict().items()}
    checkpoint.write(path, settings, 1, {}, tensors)
    evonas.evaluate(path, QUICK)
    shutil.copytree(folder / "dark", folder / "middle")
    with pytest.raises(EvonasError, match="3 classes"):
        evonas.evaluate(path, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [6.0, 8.0])
def test_autoattack_leaves_what_the_ensemble_of_its_authors_leaves(
    epsilon: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which seed each part has differs, so an image more or less may be left."""
    pyautoattack = pytest.importorskip("pyautoattack")
    monkeypatch.setattr(autoattack, "MEMBERS", STANDARD)
    whole = subject(batch_size=40)
    left = left_by(whole, autoattack.AutoAttack(), epsilon, whole.clean())[-1][1]
    pixels, labels = whole.load(torch.arange(40))
    theirs = pyautoattack.AutoAttack(trained(), eps=epsilon / 255, seed=0, device="cpu")
    moved, _ = theirs.run_standard_evaluation(pixels.contiguous(), labels, batch_size=40)
    with torch.no_grad():
        expected = trained()(moved).argmax(1) == labels
    assert 0 < int(expected.sum()) < 40
    assert abs(int(left.sum()) - int(expected.sum())) <= 1


def test_a_journal_that_is_damaged_is_one_message(untrained: Path) -> None:
    journal = untrained.with_suffix(".evaluation.db")
    journal.write_bytes(b"no database, " * 100)
    with pytest.raises(EvonasError, match="remove it"):
        evonas.evaluate(untrained, QUICK)
    assert journal.exists()
