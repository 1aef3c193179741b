"""The random numbers of a corruption."""

from __future__ import annotations

from torch import Tensor

from evonas.evaluation.streams import Streams
from fitness import stable_hash


class Draws(Streams):
    """Draws for the images numbered ``positions``, int64 (n,), under one corruption."""

    def __init__(self, seed: int, name: str, severity: int, positions: Tensor) -> None:
        super().__init__(stable_hash("corrupt", seed, name, severity), positions)
