"""The interface of a certificate."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

from evonas.evaluation.assessment import Assessment


@dataclass(frozen=True)
class CertificateOptions:
    """The options of certificates; each takes those that apply to it."""

    epsilons: tuple[float, ...] = (8.0,)  # in 1/255
    sigma: float = 0.25  # standard deviation of noise, in units of [0, 1]
    n0: int = 100  # samples that select the class
    n: int = 100_000  # samples that bound its probability
    alpha: float = 0.001  # chance that a statement is wrong
    several: bool = False  # whether the certificate is computed for other sigmas, too


class Certificate(Assessment):
    """A proof, or a statement with a known chance of error, that no small perturbation changes a prediction."""

    version: ClassVar[int] = 1  # raised when its results change
    by_sigma: ClassVar[bool] = False  # whether there is one for each sigma

    @classmethod
    @abstractmethod
    def from_options(cls, options: CertificateOptions) -> Self:
        """The certificate with the options that apply to it. Raises `UsageError` for those that it cannot use."""
