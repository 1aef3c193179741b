"""An exponential moving average of weights and buffers."""

from __future__ import annotations

import copy

import torch
from torch import nn

FIRST_STEPS = 10  # the average follows faster at first


class MovingAverage:
    """theta_avg := d theta_avg + (1 - d) theta after each step, d = min(decay, (1 + t) / (10 + t))."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Update with the weights and buffers of ``model`` after ``step`` steps."""
        decay = min(self.decay, (1 + step) / (FIRST_STEPS + step))
        mine, theirs = self.model.state_dict(), model.state_dict()
        floating = [name for name, value in mine.items() if value.is_floating_point()]
        torch._foreach_lerp_([mine[name] for name in floating], [theirs[name] for name in floating], 1 - decay)
        for name, value in mine.items():
            if not value.is_floating_point():
                value.copy_(theirs[name])
