"""Each property of the contract of an assessment fails for something that does not have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from evonas.evaluation.assessment import Assessment, Outcome, Subject
from evonas.testing import assessment as contract
from evonas.testing import check_assessment


class Bright(Assessment):
    """The mean grey level."""

    name = "bright"

    def identity(self) -> Mapping[str, Any]:
        return {"version": 1}

    def run(self, subject: Subject) -> Outcome:
        def mean(indices: torch.Tensor) -> float:
            return float(subject.load(indices)[0].mean())

        return Outcome(numbers={"means": subject.each([self.name, self.identity()], mean, self.title)})


class Unwritable(Bright):
    def identity(self) -> Mapping[str, Any]:
        return {"version": (1, 2)}


class Void(Bright):
    def run(self, subject: Subject) -> Outcome:
        super().run(subject)
        return Outcome()


class Global(Bright):
    def run(self, subject: Subject) -> Outcome:
        torch.rand(1)
        return super().run(subject)


class Meddling(Bright):
    def run(self, subject: Subject) -> Outcome:
        subject.model.train()  # type: ignore[union-attr]
        return super().run(subject)


class Counting(Bright):
    runs = 0

    def run(self, subject: Subject) -> Outcome:
        self.runs += 1
        super().run(subject)
        return Outcome(numbers={"runs": self.runs})


class Direct(Bright):
    def run(self, subject: Subject) -> Outcome:
        return Outcome(numbers={"mean": float(subject.images.float().mean())})


def test_an_assessment_with_every_property_passes() -> None:
    check_assessment(Bright())


@pytest.mark.parametrize(
    ("holds", "broken", "text"),
    [
        (contract.it_describes_itself, Unwritable, "does not survive JSON"),
        (contract.its_outcome_survives_the_file, Void, "neither rates nor numbers"),
        (contract.outcomes_depend_on_the_subject_alone, Global, "uses the global generator of torch"),
        (contract.the_model_is_left_as_it_was, Meddling, "leaves the training mode of the network changed"),
        (contract.crashed_after_any_chunk_it_ends_the_same, Counting, "resumed after chunk 0 differs"),
        (contract.crashed_after_any_chunk_it_ends_the_same, Direct, "does not go through the images"),
    ],
)
def test_an_assessment_without_a_property_is_found(
    holds: Callable[[Assessment], None], broken: type[Assessment], text: str
) -> None:
    with pytest.raises(AssertionError, match=text):
        holds(broken())
    with pytest.raises(AssertionError):
        check_assessment(broken())
