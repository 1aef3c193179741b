"""Classes of different sizes are named, and weighted on request."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from evonas.core.events import Listener
from evonas.training.class_weights import unevenness, weights_of
from evonas.training.parallel import Group
from evonas.training.settings import TrainSettings
from evonas.training.training import Training
from tests.evonas.trained import LIGHT
from tests.pictures import bright_and_dark

LABELS = torch.tensor([0] * 6 + [1] * 2 + [2] * 3)


def test_the_line_names_the_smallest_and_the_largest_class() -> None:
    said = unevenness(LABELS, ("cat", "dog", "cow"), weighted=False)
    assert said.startswith("classes have from 2 (dog) to 6 (cat) training images; --set weighted=true")
    assert unevenness(LABELS, ("cat", "dog", "cow"), weighted=True).endswith("weighted in the loss")
    assert unevenness(torch.tensor([0, 0, 0, 1, 1, 1, 1]), ("a", "b"), weighted=False) == ""


def test_every_class_has_the_same_share_of_the_loss() -> None:
    weights = weights_of(LABELS, 4)  # of the last one there are no images
    assert weights[LABELS].mean() == pytest.approx(1)
    shares = [float(weights[label] * (label == LABELS).sum()) for label in range(3)]
    assert shares == pytest.approx([shares[0]] * 3)


def test_a_training_weighs_its_loss_and_says_that_classes_are_uneven(tmp_path: Path) -> None:
    where = bright_and_dark(tmp_path, 12)
    for i in range(6):
        (tmp_path / "dark" / f"{i:02}.png").unlink()
    said: list[str] = []

    def settings(**numbers: object) -> TrainSettings:
        given = {"epochs": 1, "batch_size": 4, **numbers}
        size = {"image_size": 8, "channels": 2, "layers": 1}
        return TrainSettings(LIGHT, dataset=where, validation=1, overrides=given, device="cpu", **size).resolve(
            said.append
        )

    plain, weighted = (
        Training(tmp_path / "none", settings(weighted=w), Listener(), Group()) for w in (False, True)
    )
    advice = "--set weighted=true gives all of them the same weight"
    assert [line for line in said if "classes" in line] == [
        f"classes have from 5 (dark) to 9 (light) training images; {advice}",
        "classes have from 5 (dark) to 9 (light) training images; weighted in the loss",
    ]
    logits, labels = torch.randn(5, 2), torch.tensor([0, 0, 1, 1, 1])
    smoothing = {"label_smoothing": plain.recipe.label_smoothing}
    assert torch.equal(plain.stepping.cross_entropy(logits, labels), F.cross_entropy(logits, labels, **smoothing))
    weights = weights_of(weighted.images.labels, 2)
    assert weights[0] != weights[1]
    assert torch.equal(
        weighted.stepping.cross_entropy(logits, labels), F.cross_entropy(logits, labels, weights, **smoothing)
    )
