"""An exponential moving average of weights and buffers."""

from __future__ import annotations

import copy

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from evonas.training.model import Classifier

FIRST_STEPS = 10  # the average follows faster at first


class MovingAverage:
    """theta_avg := d theta_avg + (1 - d) theta after each step, d = min(decay, (1 + t) / (10 + t)).

    The tensors of both networks are listed once: to collect them takes longer than to average them.
    """

    def __init__(self, model: Classifier, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        mine, theirs = self.model.state_dict(), model.state_dict()
        pairs = [(value, theirs[name]) for name, value in mine.items()]
        floating = [pair for pair in pairs if pair[0].is_floating_point()]
        self._averages, self._followed = ([pair[i] for pair in floating] for i in range(2))
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    def update(self, step: int) -> None:
        """Follow the floating-point weights and buffers of the network after ``step`` steps."""
        decay = min(self.decay, (1 + step) / (FIRST_STEPS + step))
        get_ema_multi_avg_fn(decay)(self._averages, self._followed, step)

    @torch.no_grad()
    def count(self) -> None:
        """Take over the counters of BatchNorm, on which no output depends, as they are at the end of an epoch."""
        for mine, theirs in self._counters:
            mine.copy_(theirs)
