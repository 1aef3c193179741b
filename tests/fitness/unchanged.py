"""A check that a network was left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from evonas.testing.properties import Picture


@contextmanager
def unchanged(network: nn.Module) -> Iterator[None]:
    """Asserts that weights, buffers, modes, hooks and gradients are after the block what they were before."""
    picture = Picture(network)
    yield
    picture.require_of(network, "the block")
