"""Interval bound propagation."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from evonas.evaluation.certificates.by_bounds import BoundsCertificate
from evonas.evaluation.certificates.subject import Bounded
from evonas.evaluation.registered import certificates
from fitness.bounds import logit_bounds, lower_margins


@certificates.register("ibp")
@dataclass(frozen=True)
class IBP(BoundsCertificate):
    """Intervals of every layer's values; classes are subtracted before the last layer."""

    name = "ibp"
    source = (
        'Gowal et al., "On the Effectiveness of Interval Bound Propagation for Training Verifiably Robust '
        'Models", 2018'
    )
    chunk = 50

    def margins(self, bounded: Bounded, images: Tensor, labels: Tensor, radius: Tensor) -> Tensor:
        return lower_margins(bounded.network, bounded.box(images, radius), labels).amin(1)

    def widths(self, bounded: Bounded, images: Tensor, radius: float) -> Tensor:
        low, high = logit_bounds(bounded.network, bounded.box(images, radius))
        return (high - low).mean(1)
