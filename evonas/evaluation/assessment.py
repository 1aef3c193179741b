"""The interface of an assessment: everything that ``evonas evaluate`` measures of a trained network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from evonas.evaluation.journal import Json
from evonas.evaluation.outcomes import Outcome
from evonas.evaluation.subject import Subject

__all__ = ["Assessment", "Outcome", "Subject"]


class Assessment(ABC):
    """One measurement of a trained network on the test images: an attack, a table of corruptions, a certificate.

    `run` goes through the images with ``subject.each([self.name, self.identity()], work, self.title)``: that keeps
    the result of every chunk, so that an interrupted evaluation continues there and equals an uninterrupted one.
    """

    name: ClassVar[str]
    source: ClassVar[str] = ""
    package: ClassVar[str] = ""  # package that computes it

    @property
    def key(self) -> str:
        """What its outcome is stored under."""
        return self.name

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.key

    @abstractmethod
    def identity(self) -> Mapping[str, Json]:
        """Everything that its outcome depends on in addition to the subject: its version and its settings.

        Outcomes of different identities are neither reused nor ranked against each other.
        """

    @abstractmethod
    def run(self, subject: Subject) -> Outcome:
        """The outcome on all images of ``subject``. A pure function of subject and identity."""

    def require(self, subject: Subject) -> None:
        """Raises `UsageError` before anything is measured if ``subject`` cannot be assessed."""
        return

    def versions(self) -> dict[str, str]:
        """The versions of packages that compute it."""
        return {}
