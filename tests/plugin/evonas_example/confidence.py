"""An assessment: how sure the network is of its answers on clean images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from evonas.evaluation.assessment import Assessment, Outcome, Subject
from evonas.evaluation.registered import assessments


@assessments.register("mean-confidence")
@dataclass(frozen=True)
class MeanConfidence(Assessment):
    """The mean over the images of the largest softmax value."""

    name = "mean-confidence"
    source = "an example"

    def identity(self) -> Mapping[str, Any]:
        return {"version": 1}

    def run(self, subject: Subject) -> Outcome:
        def largest(indices: Tensor) -> list[float]:
            pixels, _ = subject.load(indices)
            return [float(value) for value in subject.logits(pixels).softmax(1).amax(1)]

        values = [
            value for chunk in subject.each([self.name, self.identity()], largest, self.title) for value in chunk
        ]
        return Outcome(numbers={"mean": sum(values) / len(values)}, detail=values)
