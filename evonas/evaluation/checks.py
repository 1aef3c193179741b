"""What a careful reviewer tries before believing an accuracy under attack.

After Carlini et al., "On Evaluating Adversarial Robustness", 2019, and Athalye, Carlini, Wagner, "Obfuscated
Gradients Give a False Sense of Security", ICML 2018. Where two accuracies on the same images are compared, a check
fails if an exact sign test on the images where they differ speaks against it at the 1 % level.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evonas.evaluation.assessment import Assessment
from evonas.evaluation.attacking import left_by
from evonas.evaluation.attacks.base import gradient
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.attacks.fgsm import FGSM
from evonas.evaluation.attacks.pgd import PGD
from evonas.evaluation.journal import Json
from evonas.evaluation.outcomes import Attacked, Check, Checked, Outcome
from evonas.evaluation.rates import sign_test
from evonas.evaluation.subject import Subject
from evonas.training.logits import logits_of
from evonas.training.undisturbed import undisturbed
from fitness import stable_hash

LEVEL = 0.01  # of the sign test
MORE_STEPS = 4  # times as many
LARGE, LARGE_STEPS = 128.0, 50  # every pixel may become the same grey
ABOUT_ZERO = 0.01  # of the images
SQUARE_GAIN = 0.002  # by which the Square attack may lower what the other members have left


Outcomes = dict[str, dict[float, list[tuple[str, Tensor]]]]  # by attack and epsilon, of all images


def subset(subject: Subject, count: int) -> Subject:
    """``count`` of the images, drawn by the seed."""
    generator = torch.Generator().manual_seed(stable_hash(subject.seed, "checks"))
    return subject.only(torch.randperm(len(subject.images), generator=generator)[:count].sort().values, "checks: ")


@dataclass(frozen=True, eq=False)
class Checks(Assessment):
    """Every check: on ``count`` images by its own attacks at ``epsilon``, and on what ``outcomes`` have left."""

    name = "checks"

    count: int
    epsilon: float  # in 1/255
    pgd: PGD
    outcomes: Sequence[Outcome]  # of all images

    def identity(self) -> Mapping[str, Json]:
        return {"images": self.count, "epsilon": self.epsilon, **self.pgd.settings()}

    def run(self, subject: Subject) -> Checked:
        outcomes: Outcomes = {}
        for one in self.outcomes:
            if isinstance(one, Attacked):
                outcomes.setdefault(one.attack, {})[one.epsilon] = list(one.left)
        return Checked(checks=tuple(check(subject, self.count, self.epsilon, self.pgd, outcomes)))


def check(subject: Subject, count: int, epsilon: float, pgd: PGD, outcomes: Outcomes) -> list[Check]:
    """Every check; ``outcomes`` are what the attacks have left, bool (N,), by attack, epsilon and part."""
    part = subset(subject, count)
    right = part.right
    weak = left_by(part, FGSM(), epsilon, right)[-1][1]
    strong = left_by(part, pgd, epsilon, right)[-1][1]
    more = dataclasses.replace(pgd, steps=MORE_STEPS * pgd.steps)
    return [
        *_answers(part),
        _nothing_moved(part, right),
        _gradients(part, right),
        _not_weaker("pgd is as strong as fgsm", (f"pgd-{pgd.steps}", strong), ("fgsm", weak)),
        _not_weaker(
            "more steps never help the defender",
            (f"pgd-{more.steps}", left_by(part, more, epsilon, right)[-1][1]),
            (f"pgd-{pgd.steps}", strong),
        ),
        _not_weaker("random noise is no attack", (f"pgd-{pgd.steps}", strong), ("noise", _noise(part, epsilon))),
        _large(part, right),
        *_epsilons(outcomes),
        *_square(outcomes),
    ]


def _answers(part: Subject) -> Iterator[Check]:
    """Twice the same answer, and logits rather than probabilities."""
    with undisturbed(part.model, part.device):  # one block: each begins with the same global random state
        first, second = (_over(part, lambda pixels, labels: logits_of(part.model, pixels)) for _ in range(2))
    apart = (first - second).abs().max().item()
    yield Check("the network is deterministic", apart == 0, f"two passes differ by {apart:g}")
    sums = (first.sum(1) - 1).abs().max().item()
    probabilities = first.min().item() >= 0 and sums < 1e-4
    yield Check(
        "the network answers with logits",
        not probabilities,
        "rows are probabilities, whose gradients vanish" if probabilities else "rows are no probabilities",
    )


def _nothing_moved(part: Subject, right: Tensor) -> Check:
    attacked = [left_by(part, attack, 0.0, right)[-1][1] for attack in (FGSM(), PGD(steps=2))]
    same = all(torch.equal(left, right) for left in attacked)
    counts = ", ".join(f"{int(left.sum())}" for left in attacked)
    return Check("epsilon 0 equals clean accuracy", same, f"{int(right.sum())} right, {counts} under fgsm and pgd")


def _gradients(part: Subject, right: Tensor) -> Check:
    with undisturbed(part.model, part.device):
        norms = _over(part, lambda pixels, labels: gradient(part.model, pixels, labels).flatten(1).norm(dim=1))
    bad = int((~(norms[right] > 0)).sum())
    return Check(
        "no gradient vanishes",
        bad == 0,
        f"{bad} of {int(right.sum())} that are right have a gradient of zero",
    )


def _noise(part: Subject, epsilon: float) -> Tensor:
    """What uniform noise in the ball leaves."""

    def noisy(pixels: Tensor, indices: Tensor) -> Tensor:
        draws = Draws(part.seed, tuple(indices.tolist()))
        return (pixels + epsilon / 255 * draws.uniform("noise", tuple(pixels.shape[1:])).to(pixels)).clamp(0, 1)

    return part.clean(noisy, "noise")


def _large(part: Subject, right: Tensor) -> Check:
    left = int(left_by(part, PGD(steps=LARGE_STEPS), LARGE, right)[-1][1].sum())
    return Check(
        "a large epsilon leaves nothing",
        left <= math.ceil(ABOUT_ZERO * len(right)),
        f"{left} of {len(right)} withstand {LARGE:g}/255",
    )


def _epsilons(outcomes: Outcomes) -> Iterator[Check]:
    for name, by_epsilon in outcomes.items():
        ordered = sorted(by_epsilon)
        for small, large in itertools.pairwise(ordered):
            yield _not_weaker(
                f"larger epsilons never help ({name})",
                (f"{large:g}/255", by_epsilon[large][-1][1]),
                (f"{small:g}/255", by_epsilon[small][-1][1]),
            )


def _square(outcomes: Outcomes) -> Iterator[Check]:
    """No attack without gradients finds what those with gradients do not."""
    rivals = [name for name in ("apgd-ce", "pgd", "fgsm") if name in outcomes]
    if "square" in outcomes and rivals:
        for epsilon, parts in outcomes["square"].items():
            yield _not_weaker(
                f"gradients beat square at {epsilon:g}/255",
                (rivals[0], outcomes[rivals[0]][epsilon][-1][1]),
                ("square", parts[-1][1]),
            )
    for epsilon, parts in outcomes.get("autoattack", {}).items():
        left = {name: int(right.sum()) / len(right) for name, right in parts}
        gain = left["fab-t"] - left["square"]
        yield Check(
            f"gradients miss little (autoattack {epsilon:g}/255)",
            gain <= SQUARE_GAIN,
            f"Square lowers robust accuracy by {100 * gain:.2f} points",
        )


def _not_weaker(name: str, strong: tuple[str, Tensor], weak: tuple[str, Tensor]) -> Check:
    """Passed unless the attack that should be the weaker one fools significantly more images."""
    against = int((strong[1] & ~weak[1]).sum())
    in_favour = int((~strong[1] & weak[1]).sum())
    shares = [f"{label} {100 * right.float().mean().item():.1f} %" for label, right in (weak, strong)]
    p = sign_test(against, in_favour)
    detail = f"{', '.join(shares)}; {against} images against, {in_favour} for"
    return Check(name, against <= in_favour or p >= LEVEL, detail)


def _over(part: Subject, function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """``function(pixels, labels)`` of all images, chunk by chunk."""
    results = []
    for indices in part.chunks():
        results.append(function(*part.load(indices)).detach().cpu())
    return torch.cat(results)
