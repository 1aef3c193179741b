"""CROWN-IBP: linear bounds by one backward pass, with intervals as intermediate bounds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from evonas.evaluation.certificates.by_bounds import BoundsCertificate
from evonas.evaluation.certificates.subject import Bounded
from evonas.evaluation.registered import certificates
from fitness.bounds import logit_bounds, lower_margins

ROWS = 100  # of a backward pass, one for each image and class


@certificates.register("crown-ibp")
@dataclass(frozen=True)
class CrownIBP(BoundsCertificate):
    """Linear bounds of the margins by one backward pass, or intervals where they are tighter."""

    name = "crown-ibp"
    source = (
        'Zhang et al., "Towards Stable and Efficient Training of Verifiably Robust Neural Networks", ICLR 2020'
    )

    def margins(self, bounded: Bounded, images: Tensor, labels: Tensor, radius: Tensor) -> Tensor:
        loose = lower_margins(bounded.network, bounded.box(images, radius), labels)
        found = loose.amin(1)
        left = (found <= 0).nonzero()[:, 0]  # the others are certified already
        for some in left.split(max(1, ROWS // loose.shape[1])):
            part = bounded.box(images[some], radius[some])
            found[some] = lower_margins(bounded.network, part, labels[some], linear=True).amin(1)
        return found

    def widths(self, bounded: Bounded, images: Tensor, radius: float) -> Tensor:
        pairs = [
            logit_bounds(bounded.network, bounded.box(image, radius), linear=True) for image in images.split(1)
        ]
        return torch.cat([(high - low).mean(1) for low, high in pairs])
