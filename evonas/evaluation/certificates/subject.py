"""The network of a subject in the form that bounds need."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

from evonas.evaluation.subject import Subject
from evonas.training.model import Classifier
from fitness.bounds import Interval, box, normalised
from spaces.errors import UsageError


@dataclass(frozen=True, eq=False)
class Bounded:
    """A network in float64 and eval mode, behind the normalisation of its images."""

    network: nn.Module
    mean: Tensor | None
    std: Tensor | None
    title: str

    @classmethod
    def of(cls, subject: Subject, title: str) -> Bounded:
        """A copy of the network of ``subject``. Raises `UsageError` for a model that is a function."""
        if not isinstance(subject.model, nn.Module):
            raise UsageError(f"{title} needs the layers of the network, but the model is a function")
        model = copy.deepcopy(subject.model).double().eval().requires_grad_(False)
        if isinstance(model, Classifier):
            return cls(model.network, model.mean, model.std, title)
        return cls(model, None, None, title)

    def box(self, images: Tensor, radius: Tensor | float) -> Interval:
        """The normalised images within ``radius`` of ``images`` (N, 3, H, W) and within [0, 1]."""
        found = box(images, radius)
        return found if self.mean is None or self.std is None else normalised(found, self.mean, self.std)

    @contextmanager
    def written_in_an_arithmetic(self) -> Iterator[None]:
        """Raises `UsageError` where the forward pass of a network computes with tensors alone."""
        try:
            yield
        except (TypeError, AttributeError) as error:
            reason = str(error).split("\n")[0]
            raise UsageError(
                f"{self.title} needs a network whose forward pass is written in an Arithmetic ({reason})"
            ) from None
