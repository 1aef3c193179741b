"""The arithmetic a network's forward pass is written in, so that one forward serves several number systems.

A network of this package never adds or concatenates tensors itself: it asks an `Arithmetic`. The plain one
below works on tensors. `fitness.scaled` brings one whose numbers carry a log-scale, `fitness.bounds` intervals and
linear bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn


class Arithmetic:
    """Ordinary tensors: what training, evaluation and export use."""

    def apply(self, module: nn.Module, x: Any) -> Any:
        """``module(x)``; a `Block` gets this arithmetic passed on."""
        return module(x)

    def add(self, terms: Sequence[Any]) -> Any:
        """The sum of at least one term of equal shape."""
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def weighted(self, terms: Sequence[Any], weights: Sequence[Any]) -> Any:
        """The sum of at least one term of equal shape, each times a number that is not negative."""
        return self.add([weight * term for term, weight in zip(terms, weights, strict=True)])

    def concatenate(self, parts: Sequence[Any]) -> Any:
        """Join along the channels, (N, C_i, H, W) -> (N, sum C_i, H, W)."""
        return torch.cat(list(parts), dim=1)

    def state(self, x: Any) -> Any:
        """Called once for each state (stem output, preprocessed input, node); the place to rescale."""
        return x

    def stage(self, name: str, x: Any) -> Any:
        """Called once for the output of each stage; the place to observe features."""
        return x


PLAIN = Arithmetic()


class Block(nn.Module):
    """A module whose forward is written in an `Arithmetic`."""

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        raise NotImplementedError


class Selection(nn.Module):
    """A module without parameters whose every output is an input or zero, such as a crop or padding."""
