"""Every registered attack, and ours against those of foolbox."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from evonas.evaluation.attacks import Attack, AttackOptions, Draws, apgd_t, attacks, autoattack, base
from evonas.evaluation.attacks.apgd_ce import ApgdCE
from evonas.evaluation.attacks.apgd_t import ApgdT
from evonas.evaluation.attacks.fab_t import FabT
from evonas.evaluation.attacks.fgsm import FGSM
from evonas.evaluation.attacks.pgd import PGD
from evonas.evaluation.attacks.square import Square
from evonas.testing.attack import PROPERTIES
from evonas.training.model import Classifier
from fitness import stable_hash
from spaces import EvonasError, UsageError
from tests import forks
from tests.evonas.networks import convolutions, digits, image_by_image, trained

OPTIONS = AttackOptions(steps=4, restarts=2, queries=40)
SHORT = (ApgdCE(steps=4), ApgdT(steps=3), FabT(steps=3), Square(queries=30))  # AutoAttack in seconds
OURS = [name for name in attacks if not attacks[name].package]
PACKAGED = [name for name in attacks if attacks[name].package]
BLIND = ("square",)  # sees no gradient: what it finds in a few queries is chance


@pytest.fixture
def attack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Attack:
    monkeypatch.setattr(autoattack, "MEMBERS", SHORT)
    return attacks[request.param].from_options(OPTIONS)


every_attack = pytest.mark.parametrize("attack", list(attacks), indirect=True)


@pytest.fixture(scope="module")
def model() -> Classifier:
    return trained()


def pixels(count: int, first: int = 0) -> tuple[Tensor, Tensor]:
    images, labels = digits("test")
    return images[first : first + count].float() / 255, labels[first : first + count]


def right(model: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> Tensor:
    with torch.no_grad():
        return model(images).argmax(1) == labels


def on_the_edge(images: Tensor, labels: Tensor) -> Callable[[Tensor], Tensor]:
    """A model that is right on ``images`` and wrong as soon as one of them is moved at all.

    The margin of a moved image is 0.001 - sum |d| - sum d / 2, d the difference to the image nearest to it, so
    that every attack that moves an image fools it, and the gradient at the image itself is not zero.
    """

    def model(moved: Tensor) -> Tensor:
        with torch.no_grad():
            nearest = torch.cdist(moved.flatten(1), images.flatten(1), p=1).argmin(1)
        difference = (moved - images[nearest]).flatten(1)
        margin = 1e-3 - difference.abs().sum(1) - difference.sum(1) / 2
        return torch.nn.functional.one_hot(labels[nearest], 10) * margin[:, None]

    return model


@every_attack
@pytest.mark.parametrize("epsilon", [8.0, 40.0])
def test_an_attack_stays_in_the_ball_and_fools_the_network(
    attack: Attack, epsilon: float, model: Classifier
) -> None:
    images, labels = pixels(40)
    moved = attack(model, images, labels, epsilon, Draws.of(0, 0, 40))
    assert moved.dtype == torch.float32 and moved.shape == images.shape
    assert (moved - images).abs().max() <= epsilon / 255 + 1e-6
    assert moved.min() >= 0 and moved.max() <= 1
    before, after = right(model, images, labels), right(model, moved, labels)
    if attack.name in BLIND:  # whether some random squares fool a trained network is chance
        assert not (after & ~before).any() and torch.equal(moved[after], images[after])
        edge = on_the_edge(images, labels)
        assert right(edge, images, labels).all()
        assert not right(edge, attack(edge, images, labels, epsilon, Draws.of(0, 0, 40)), labels).any()
    else:
        assert after.sum() < before.sum()


@every_attack
@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_every_attack_keeps_its_contract(attack: Attack, holds: Callable[[Attack], None]) -> None:
    holds(attack)


@every_attack
def test_images_in_channels_last_order_are_attacked_alike(attack: Attack) -> None:
    model = trained().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images, labels = pixels(12)
    images = images.contiguous(memory_format=torch.channels_last)
    moved = attack(model, images, labels, 24.0, Draws.of(0, 0, 12))
    assert attack.name in BLIND or right(model, moved, labels).sum() < right(model, images, labels).sum()
    edge = on_the_edge(images, labels)
    assert not right(edge, attack(edge, images, labels, 24.0, Draws.of(0, 0, 12)), labels).any()


@every_attack
def test_nothing_global_and_nothing_of_the_model_is_changed(attack: Attack) -> None:
    model = trained().train()
    model.network.get_submodule("1").eval()
    next(model.parameters()).requires_grad_(False)
    buffers = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    learned = [parameter.requires_grad for parameter in model.parameters()]
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tobytes()  # type: ignore[index]
    flags = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()

    def trace(frame: Any, event: str, argument: Any) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        attack(model, *pixels(6), 16.0, Draws.of(0, 0, 6))
        found = sys.gettrace()
    finally:
        sys.settrace(before)
    assert found is trace
    assert all(torch.equal(value, buffers[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert [parameter.requires_grad for parameter in model.parameters()] == learned
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[1]
    assert np.random.get_state()[1].tobytes() == states[2]  # type: ignore[index]
    now = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    assert now == flags


SWITCHES = """
import torch
from evonas.training.undisturbed import undisturbed
from evonas.training.images import Images
from evonas.training.measure import accuracy

b = torch.backends
read = lambda: [place.fp32_precision for place in (b.cuda.matmul, b.cudnn.conv, b.cudnn.rnn, b.mkldnn.matmul)]

class Probe(torch.nn.Module):
    def forward(self, images):
        seen.append(read())
        return torch.zeros(len(images), 2)

images = Images(torch.zeros(1, 3, 2, 2, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64))
for choice in ("", "torch.set_float32_matmul_precision('high')", "b.cuda.matmul.fp32_precision = 'tf32'",
               "b.fp32_precision = 'tf32'"):
    exec(choice)
    before, seen = read(), []
    with undisturbed(torch.nn.Linear(1, 1)):
        with undisturbed(torch.nn.Linear(1, 1)):
            seen.append(read())
        seen.append(read())
    accuracy(Probe(), images)
    assert seen == [["ieee"] * 4] * 3, (choice, seen)
    assert read() == before, (choice, before, read())
    print(before)
"""


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="PyTorch before 2.9 has the older switches")
def test_a_program_may_choose_its_precision_by_old_and_by_new_switches(tmp_path: Path) -> None:
    done = forks.run("-c", SWITCHES, cwd=tmp_path)  # switches of a whole process
    assert done.returncode == 0 and done.stdout.count("['tf32'") == 3, done.stderr


@every_attack
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x * 255, r"\[0, 1\]"),
        (lambda x: x - 0.01, r"\[0, 1\]"),
        (lambda x: x * float("nan"), r"\[0, 1\]"),
        (lambda x: (x * 255).byte(), "uint8"),
        (lambda x: x.double(), "float64"),
        (lambda x: x[:, :1], "N, 3"),
    ],
    ids=["0 to 255", "negative", "nan", "uint8", "float64", "grey"],
)
def test_images_that_are_none_are_refused(
    attack: Attack, change: Callable[[Tensor], Tensor], message: str, model: Classifier
) -> None:
    images, labels = pixels(4)
    with pytest.raises(UsageError, match=message):
        attack(model, change(images), labels, 8.0, Draws.of(0, 0, 4))


@every_attack
@pytest.mark.parametrize("epsilon", [-1.0, 256.0, float("nan"), float("inf")])
def test_an_epsilon_that_is_none_is_refused(attack: Attack, epsilon: float, model: Classifier) -> None:
    with pytest.raises(UsageError, match="1/255"):
        attack(model, *pixels(4), epsilon, Draws.of(0, 0, 4))


@every_attack
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda logits: (logits, logits), "tuple"),
        (lambda logits: logits.double(), "float32"),
        (lambda logits: logits[:, 0], "logits"),
    ],
    ids=["pair", "float64", "one number"],
)
def test_a_model_that_does_not_answer_with_logits_is_refused(
    attack: Attack, answer: Callable[[Tensor], Any], message: str, model: Classifier
) -> None:
    with pytest.raises(UsageError, match=message):
        attack(lambda images: answer(model(images)), *pixels(4), 8.0, Draws.of(0, 0, 4))


@every_attack
def test_attacks_compute_in_float32_whatever_is_around_them(attack: Attack, model: Classifier) -> None:
    kinds = set()

    def watched(images: Tensor) -> Tensor:
        logits = model(images)
        kinds.add((images.dtype, logits.dtype, torch.is_autocast_enabled("cpu")))
        return logits

    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
        attack(watched, *pixels(6), 16.0, Draws.of(0, 0, 6))
    assert kinds == {(torch.float32, torch.float32, False)}


@pytest.mark.parametrize("name", OURS)
def test_what_happens_to_an_image_does_not_depend_on_its_company(name: str, model: Classifier) -> None:
    images, labels = pixels(48)
    attack, draws = attacks[name].from_options(OPTIONS), Draws.of(5, 0, 48)
    exact, rounded = image_by_image(model), attack(model, images, labels, 8.0, draws)
    whole = attack(exact, images, labels, 8.0, draws)
    for chosen in (*torch.arange(48).split(7), torch.tensor([40, 2, 17])):
        part = Draws(5, tuple(chosen.tolist()), chunk=int(chosen[0]))
        assert torch.equal(attack(exact, images[chosen], labels[chosen], 8.0, part), whole[chosen])
        alone = attack(model, images[chosen], labels[chosen], 8.0, part)
        assert ((alone - rounded[chosen]).abs() < 1e-6).float().mean((1, 2, 3)).min() > 0.99
        assert torch.equal(right(model, alone, labels[chosen]), right(model, rounded[chosen], labels[chosen]))


@pytest.mark.parametrize("name", PACKAGED)
def test_without_the_package_the_message_says_how_to_get_it(
    name: str, model: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "find_spec", lambda package: None)
    with pytest.raises(EvonasError, match=r'pip install "evonas\[attacks\]"'):
        attacks[name].from_options(OPTIONS)(model, *pixels(4), 8.0, Draws.of(0, 0, 4))


@pytest.mark.parametrize("name", PACKAGED)
def test_few_classes_are_attacked_or_refused_with_advice(name: str) -> None:
    torch.manual_seed(0)
    model = Classifier(convolutions(classes=3), (0.5,) * 3, (0.3,) * 3).eval()
    images, _ = pixels(6)
    with torch.no_grad():
        labels = model(images).argmax(1)
    attack = attacks[name].from_options(OPTIONS)
    if name in ("apgd-t", "autoattack"):
        # what is fooled before the targeted member has its turn needs no target
        with pytest.raises(UsageError, match=f"at least {apgd_t.MIN_CLASSES} classes"):
            attack(model, images, labels, 0.0, Draws.of(0, 0, 6))
    else:
        attack(model, images, labels, 4.0, Draws.of(0, 0, 6))


def test_an_attack_that_leaves_the_ball_is_found_out(model: Classifier) -> None:
    class Cheat(FGSM):
        def perturb(self, model: Any, images: Tensor, labels: Tensor, radius: float, draws: Draws) -> Tensor:
            return (images + 2 * radius).clamp(0, 1)

    with pytest.raises(EvonasError, match="its result was discarded"):
        Cheat()(model, *pixels(4), 8.0, Draws.of(0, 0, 4))


def test_restarts_and_members_go_on_with_what_is_still_right(
    model: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = pixels(40)
    seen: list[tuple[int, tuple[int, ...]]] = []
    perturb = PGD.perturb

    def watched(self: PGD, model: Any, x: Tensor, y: Tensor, radius: float, draws: Draws) -> Tensor:
        seen.append((self.start, draws.indices))
        return perturb(self, model, x, y, radius, draws)

    monkeypatch.setattr(PGD, "perturb", watched)
    moved = PGD(steps=3, restarts=3)(model, images, labels, 8.0, Draws.of(0, 0, 40))
    assert [start for start, _ in seen] == [0, 1, 2]
    assert set(seen[0][1]) > set(seen[1][1]) >= set(seen[2][1])
    assert set(seen[1][1]) >= set(right(model, moved, labels).nonzero().flatten().tolist())


def test_restarts_start_elsewhere(model: Classifier) -> None:
    images, labels = pixels(4)
    starts = [PGD(steps=1, step_size=1e-9, start=n)(model, images, labels, 8.0, Draws.of(0, 0, 4)) for n in (0, 1)]
    assert (starts[0] - starts[1]).abs().mean() > 1 / 255


def test_fgsm_equals_foolbox_image_by_image(model: Classifier) -> None:
    foolbox = pytest.importorskip("foolbox")
    images, labels = pixels(100)
    theirs = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    for epsilon in (1.0, 4.0, 8.0):
        reference = foolbox.attacks.FGSM(random_start=False).run(theirs, images, labels, epsilon=epsilon / 255)
        moved = FGSM()(model, images, labels, epsilon, Draws.of(0, 0, 100))
        assert (moved - reference).abs().amax((1, 2, 3)).max() < 1e-6
        assert torch.equal(right(model, moved, labels), right(model, reference, labels))


@pytest.mark.parametrize("random_start", [False, True])
@pytest.mark.parametrize("epsilon", [2.0, 8.0])
def test_pgd_equals_foolbox_image_by_image(random_start: bool, epsilon: float, model: Classifier) -> None:
    """From the same start; foolbox projects x - x_0 and adds x_0, which rounds differently in the last bit.

    That bit can turn the sign of a gradient that is nearly zero, so single pixels may differ by a step.
    """
    foolbox = pytest.importorskip("foolbox")
    eagerpy = pytest.importorskip("eagerpy")
    images, labels = pixels(100)
    draws, steps = Draws.of(0, 0, 100), 10
    noise = draws.uniform("pgd start 0", (3, 32, 32)) * (epsilon / 255)

    class FromOurStart(foolbox.attacks.LinfPGD):  # type: ignore[name-defined, misc]
        def get_random_start(self, x0: Any, radius: float) -> Any:
            return eagerpy.astensor(images + noise)

    theirs = FromOurStart(abs_stepsize=2.5 * epsilon / steps / 255, steps=steps, random_start=random_start)
    reference = theirs.run(
        foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), images, labels, epsilon=epsilon / 255
    )
    moved = PGD(steps=steps, random_start=random_start)(model, images, labels, epsilon, draws)
    same = ((moved - reference).abs() < 1e-5).float().mean((1, 2, 3))
    assert same.min() > 0.99
    assert torch.equal(right(model, moved, labels), right(model, reference, labels))


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [4.0, 8.0, 12.0])
def test_apgd_is_never_weaker_than_pgd_with_equal_steps(epsilon: float, model: Classifier) -> None:
    images, labels = (values[:500] for values in digits("train"))
    floats, draws = images.float() / 255, Draws.of(0, 0, 500)
    left = [
        int(right(model, attack(model, floats, labels, epsilon, draws), labels).sum())
        for attack in (ApgdCE(steps=20), PGD(steps=20))
    ]
    assert 0 < left[0] <= left[1]


def test_draws_belong_to_the_image() -> None:
    whole = Draws.of(1, 0, 6).uniform("start", (2, 2))
    chosen = Draws.of(1, 0, 6).select(torch.tensor([False, True, False, False, True, False]))
    assert chosen.indices == (1, 4)
    assert torch.equal(chosen.uniform("start", (2, 2)), whole[[1, 4]])
    assert not torch.equal(Draws.of(2, 0, 6).uniform("start", (2, 2)), whole)
    assert not torch.equal(Draws.of(1, 0, 6).uniform("other", (2, 2)), whole)
    many = Draws.of(0, 0, 200).uniform("start", (50,))
    assert many.min() >= -1 and many.max() <= 1 and abs(many.mean()) < 0.02


def test_the_draws_of_an_attack_are_those_of_splitmix64() -> None:
    """In Python's integers; both halves of a 64-bit value, the low one first, at the midpoints of 2^32 cells."""
    gamma, size = 0x9E3779B97F4A7C15, 2**64

    def mix(z: int) -> int:
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % size
        z = (z ^ z >> 27) * 0x94D049BB133111EB % size
        return z ^ z >> 31

    index = 41
    key = mix((stable_hash("attack", 7, "pgd start 0") + gamma + index * gamma) % size)
    values = [mix((key + j * gamma) % size) for j in (1, 2)]
    halves = [half for value in values for half in (value % 2**32, value >> 32)]
    signed = [half - 2**32 if half >= 2**31 else half for half in halves]
    expected = [2 * (half * 2.0**-32 + 0.5 + 2.0**-33) - 1 for half in signed]
    drawn = Draws(7, (3, index)).uniform("pgd start 0", (2, 2))[1].flatten()
    assert drawn.tolist() == torch.tensor(expected).tolist()


def test_every_attack_says_what_it_is() -> None:
    for name in attacks:
        entry = attacks[name]
        assert entry.name == name and entry.source and (entry.__doc__ or "").strip()
        assert isinstance(entry.from_options(AttackOptions()), Attack)
        assert nn.Module not in entry.__mro__
