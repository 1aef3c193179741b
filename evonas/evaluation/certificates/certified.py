"""What a certificate found, read from its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from evonas.evaluation.outcomes import Attacked, Outcome, number_in
from evonas.evaluation.rates import Rate

KIND = "certificate"  # the key of its version in the identity of an outcome
QUARTILES = ("radius 25 % (1/255)", "radius median (1/255)", "radius 75 % (1/255)")


def label(epsilon: float) -> str:
    """The name of the certified accuracy at an epsilon in 1/255."""
    return f"certified {epsilon:g}/255"


def width_label(epsilon: float) -> str:
    """The name of the distance between the bounds of a logit / the largest minus the smallest logit."""
    return f"width / spread at {epsilon:g}/255"


@dataclass(frozen=True)
class Certified:
    """The certified accuracy at each epsilon and the certified radius of each image, both in 1/255."""

    name: str
    rates: Mapping[float, Rate]  # by epsilon
    radii: tuple[float, ...]  # 0 for an image that is misclassified or has no certificate
    quartiles: tuple[float, float, float]
    width: float | None  # of the logits at the first epsilon above 0, median over the images, see `width_label`

    @classmethod
    def of(cls, name: str, outcome: Outcome) -> Certified | None:
        """None for another kind of assessment. Raises `ValueError` for an invalid certificate."""
        if KIND not in outcome.identity:
            return None
        epsilons, radii = outcome.identity.get("epsilons"), outcome.detail
        if not isinstance(epsilons, list) or not isinstance(radii, list):
            raise ValueError(f"the certificate {name} has no list of epsilons or radii")
        if any(type(value) not in (int, float) for value in (*epsilons, *radii)):
            raise ValueError(f"an epsilon or radius of the certificate {name} is not a number")
        if missing := [label(epsilon) for epsilon in epsilons if label(epsilon) not in outcome.rates]:
            raise ValueError(f"{missing[0]} is missing in the certificate {name}")
        widths = [number_in(outcome.numbers, key) for e in epsilons if (key := width_label(e)) in outcome.numbers]
        low, middle, high = (number_in(outcome.numbers, key) for key in QUARTILES)
        rates = {float(epsilon): outcome.rates[label(epsilon)] for epsilon in epsilons}
        return cls(name, rates, tuple(radii), (low, middle, high), widths[0] if widths else None)

    @property
    def is_vacuous(self) -> bool:
        """Whether nothing is certified at any epsilon above 0."""
        return not any(rate.right for epsilon, rate in self.rates.items() if epsilon > 0)

    @property
    def note(self) -> str:
        """The size of the bounds and radii where they certify nothing; empty for others."""
        if not self.is_vacuous or self.width is None:  # without a width, no image was bounded
            return ""
        first = next(epsilon for epsilon in self.rates if epsilon > 0)
        positive = [radius for radius in self.radii if radius > 0]
        radii = f"The median of the certified radii above 0 is {median(positive):.3g}/255." if positive else ""
        return (
            f"{self.name}: the bounds are vacuous at every epsilon, as is usual for a network that was not "
            f"trained with certified bounds. At {first:g}/255 the bounds of a logit are {self.width:.3g} times as "
            f"far apart as the largest and the smallest logit of an image. {radii or 'No radius is certified.'}"
        )

    def gap(self, attacked: Attacked) -> float:
        """The accuracy under an attack minus the certified one at its epsilon: what neither of them decides."""
        return attacked.rate.accuracy - self.rates[attacked.epsilon].accuracy
