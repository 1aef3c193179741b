"""Classes of different sizes: the line that says so, and the weights that make up for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evonas.training.fitting import OPTION

if TYPE_CHECKING:
    from torch import Tensor

UNEVEN = 1.5  # largest class / smallest class, from which on a line says so


def unevenness(labels: Tensor, classes: Sequence[str], weighted: bool) -> str:
    """A line about classes of very different sizes among ``labels``, (N,); empty without these."""
    counts = labels.bincount(minlength=len(classes)).tolist()
    least, most = min(counts), max(counts)
    if most < UNEVEN * least:
        return ""
    small, large = (f"{count} ({classes[counts.index(count)]})" for count in (least, most))
    how = "weighted in the loss" if weighted else f"{OPTION}weighted=true gives all of them the same weight"
    return f"classes have from {small} to {large} training images; {how}"


def weights_of(labels: Tensor, classes: int) -> Tensor:
    """N / (classes n_c) for a class with n_c of the N labels, float32 (classes,); their mean over labels is 1."""
    counts = labels.bincount(minlength=classes)
    return len(labels) / (counts.count_nonzero() * counts.clamp(min=1)).float()
