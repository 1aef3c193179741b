"""Certificates by bounds of the logits."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from evonas.evaluation.certificates.base import Certificate, CertificateOptions
from evonas.evaluation.certificates.certified import KIND, QUARTILES, label, width_label
from evonas.evaluation.certificates.radii import largest
from evonas.evaluation.certificates.subject import Bounded
from evonas.evaluation.journal import Json
from evonas.evaluation.outcomes import Outcome
from evonas.evaluation.rates import Rate
from evonas.evaluation.subject import Subject
from evonas.training.undisturbed import undisturbed
from spaces.errors import EvonasError

MARGIN = 1e-5  # share of the largest logit that a certified margin exceeds: float32 rounds a logit by some 1e-6
DIGITS = 6  # of a width in the journal
FINITE = 1e300


@dataclass(frozen=True)
class BoundsCertificate(Certificate):
    """Correctly classified images whose class no perturbation of an epsilon or less changes (L-infinity).

    A subclass bounds margins f_y - f_k and logits over boxes. `chunk` images are one entry of the journal.
    """

    chunk: ClassVar[int] = 10

    epsilons: tuple[float, ...] = (8.0,)

    @classmethod
    def from_options(cls, options: CertificateOptions) -> Self:
        """The certificate with the options that apply to it."""
        return cls(options.epsilons)

    @abstractmethod
    def margins(self, bounded: Bounded, images: Tensor, labels: Tensor, radius: Tensor) -> Tensor:
        """Lower bounds of the smallest margin over the boxes, float64 (n,); ``radius`` (n,) in their unit."""

    @abstractmethod
    def widths(self, bounded: Bounded, images: Tensor, radius: float) -> Tensor:
        """The mean over the classes of the distance between the bounds of a logit, float64 (n,)."""

    def identity(self) -> Mapping[str, Json]:
        return {KIND: self.version, "epsilons": list(self.epsilons), "norm": "L-infinity", "precision": "float64"}

    def require(self, subject: Subject) -> None:
        bounded = Bounded.of(subject, self.title)
        pixels, labels = subject.load(torch.arange(1))
        with undisturbed(subject.model, subject.device), bounded.written_in_an_arithmetic():
            self.margins(bounded, pixels, labels, pixels.new_zeros(1))

    def run(self, subject: Subject) -> Outcome:
        part = subject.only(torch.arange(len(subject.images)), subject.title)
        part.batch_size = min(self.chunk, subject.batch_size)
        work = partial(self._certified, subject, Bounded.of(subject, self.title))
        chunks = part.each([self.name, self.identity()], work, self.title, subject.right)
        radii, widths = [0.0] * len(subject.images), list[float]()
        try:
            for chunk in chunks:
                for index, radius in zip(chunk["indices"], chunk["radii"], strict=True):
                    radii[index] = float(radius)
                widths += map(float, chunk["widths"])
        except (KeyError, IndexError, TypeError, ValueError):
            where = f"cannot use {subject.journal.path}: an entry does not hold certified radii"
            raise EvonasError(f"{where}; remove it to start again") from None
        return self._outcome(radii, widths, subject.right)

    @property
    def _first(self) -> float:
        """The first epsilon above 0, in 1/255; 0 if there is none."""
        return next((epsilon for epsilon in self.epsilons if epsilon > 0), 0.0)

    def _outcome(self, radii: Sequence[float], widths: Sequence[float], right: Tensor) -> Outcome:
        pairs = list(zip(radii, right.tolist(), strict=True))
        at = {
            epsilon: sum(correct and radius >= epsilon for radius, correct in pairs) for epsilon in self.epsilons
        }
        quartiles = np.quantile(radii, (0.25, 0.5, 0.75), method="lower").tolist()
        numbers: dict[str, Json] = dict(zip(QUARTILES, quartiles, strict=True))
        if widths:
            numbers[width_label(self._first)] = float(np.median(widths))
        return Outcome({label(e): Rate.of(n, len(radii)) for e, n in at.items()}, numbers, list(radii))

    def _certified(self, subject: Subject, bounded: Bounded, indices: Tensor) -> Json:
        """The certified radius of each image, in 1/255, and the widths of the logits at the first epsilon."""
        pixels, labels = subject.load(indices)
        logits = subject.logits(pixels)
        spread = (logits.amax(1) - logits.amin(1)).double()
        least = (MARGIN * logits.abs().amax(1)).double().to(pixels.device)

        def holds(chosen: Tensor, radius: Tensor) -> Tensor:
            chosen, radius = chosen.to(pixels.device), radius.to(pixels.device)
            margins = self.margins(bounded, pixels[chosen], labels[chosen], radius / 255)
            return (margins > least[chosen]).cpu()

        widths: list[float] = []
        with undisturbed(subject.model, subject.device):
            radii = largest(holds, len(indices), self.epsilons)
            if self._first:
                found = (self.widths(bounded, pixels, self._first / 255).cpu() / spread).nan_to_num(FINITE, FINITE)
                widths = [_rounded(width) for width in found.clamp(max=FINITE).tolist()]
        return {"indices": indices.tolist(), "radii": radii, "widths": widths}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else FINITE
