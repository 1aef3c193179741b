"""Randomised smoothing: the most probable class of an image under Gaussian noise, with an l2 radius.

Source: Cohen, Rosenfeld, Kolter, "Certified Adversarial Robustness via Randomized Smoothing", ICML 2019
(arXiv:1902.02918).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self

import torch
from torch import Tensor

from evonas.evaluation.certificates import binomial
from evonas.evaluation.certificates.base import Certificate, CertificateOptions
from evonas.evaluation.certificates.smoothed import ABSTAINED, SMOOTHING, Timed, key_of, outcome_of
from evonas.evaluation.journal import Json
from evonas.evaluation.outcomes import Outcome
from evonas.evaluation.registered import certificates
from evonas.evaluation.streams import Streams
from evonas.evaluation.subject import Subject
from fitness import stable_hash
from fitness.layout import layout
from spaces.errors import EvonasError, UsageError

PIXELS = 256_000  # of the noisy images in a pass, per channel; fixed, so that --batch-size changes no rounding


@certificates.register("smoothing")
@dataclass(frozen=True)
class Smoothing(Certificate):
    """The most probable class under Gaussian noise, within an l2 radius that is wrong with a chance of alpha."""

    name = "smoothing"
    source = 'Cohen, Rosenfeld, Kolter, "Certified Adversarial Robustness via Randomized Smoothing", ICML 2019'

    sigma: float = CertificateOptions.sigma
    n0: int = CertificateOptions.n0
    n: int = CertificateOptions.n
    alpha: float = CertificateOptions.alpha
    several: bool = CertificateOptions.several  # whether its key names sigma

    by_sigma = True

    def __post_init__(self) -> None:
        if binomial.lower_bound(self.n, self.n, self.alpha) <= 0.5:
            least = next(n for n in range(self.n, 10**4) if binomial.lower_bound(n, n, self.alpha) > 0.5)
            raise UsageError(
                f"--n {self.n} samples certify nothing at --alpha {self.alpha:g}; {least} or more can"
            )

    @classmethod
    def from_options(cls, options: CertificateOptions) -> Self:
        return cls(options.sigma, options.n0, options.n, options.alpha, options.several)

    @property
    def key(self) -> str:
        return key_of(self.sigma) if self.several else self.name

    def identity(self) -> Mapping[str, Json]:
        numbers = {"sigma": self.sigma, "n0": self.n0, "n": self.n, "alpha": self.alpha}
        return {SMOOTHING: self.version, **numbers, "norm": "L2"}

    def run(self, subject: Subject) -> Outcome:
        """Each image is an entry of the journal, which does not depend on alpha."""
        part = subject.only(torch.arange(len(subject.images)), subject.title)
        part.batch_size = 1
        key = [self.name, self.version, self.sigma, self.n0, self.n]
        entries = part.each(key, partial(self._counted, subject), self.title)
        try:
            predictions, radii, majorities = zip(*map(self._certified, entries), strict=True)
        except (KeyError, IndexError, TypeError, ValueError):
            where = f"cannot use {subject.journal.path}: an entry does not hold counts of classes"
            raise EvonasError(f"{where}; remove it to start again") from None
        found = outcome_of(subject.labels.tolist(), predictions, radii, majorities, self.largest)
        seconds = tuple(part.seconds(key, torch.tensor([image])) for image in range(len(entries)))
        return Timed(found.rates, found.numbers, found.detail, seconds=seconds)

    @property
    def largest(self) -> float:
        """The radius of an image whose samples are all of one class."""
        return binomial.radius(self.sigma, binomial.lower_bound(self.n, self.n, self.alpha))

    def _counted(self, subject: Subject, indices: Tensor) -> Json:
        """The class that ``n0`` samples of one image select, and how often each class occurs in ``n`` others."""
        pixels, _ = subject.load(indices)
        image = int(indices)
        first = self._counts(subject, pixels, image, "select", self.n0)
        return {
            "selected": int(first.argmax()),
            "counts": self._counts(subject, pixels, image, "estimate", self.n).tolist(),
        }

    def _counts(self, subject: Subject, pixels: Tensor, image: int, purpose: str, count: int) -> Tensor:
        """How often each class is predicted, int64 (classes,); logits that are not finite belong to none."""
        base = stable_hash("smoothing", subject.seed, purpose, image)
        found = torch.zeros(subject.classes, dtype=torch.int64)
        size = max(1, PIXELS // pixels[0, 0].numel())
        for samples in torch.arange(count, device=pixels.device).split(size):
            noise = Streams(base, samples).normal(*pixels.shape[1:])  # a stream for each sample
            noisy = (pixels + self.sigma * noise).contiguous(memory_format=layout(subject.device))
            logits = subject.logits(noisy)
            found += logits.argmax(1)[logits.isfinite().all(1)].bincount(minlength=subject.classes)
            subject.answer_stop()
        return found

    def _certified(self, entry: Json) -> tuple[int, float, int]:
        """The certified class and its radius, and the class that the larger sample predicts; -1 for none."""
        selected, counts = entry["selected"], entry["counts"]
        probability = binomial.lower_bound(int(counts[selected]), self.n, self.alpha)
        voted = binomial.majority(counts, self.alpha)
        majority = ABSTAINED if voted is None else voted
        if probability <= 0.5:
            return ABSTAINED, 0.0, majority
        return int(selected), binomial.radius(self.sigma, probability), majority
