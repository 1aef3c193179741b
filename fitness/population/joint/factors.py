"""The scales of a cell from the logarithms of its inputs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fitness.population.joint.numbers import JointNumbers
from fitness.population.kernels import largest, or_one


class Factors(NamedTuple):
    """What rows are multiplied by."""

    divisors: Tensor  # (input rows,)
    entries: Tensor  # (entries of all bags,)
    log: Tensor  # (networks,) of the output, float64


def divisors_of(x: Tensor) -> Tensor:
    """The largest magnitude of each row, (rows, ...) -> (rows,); 1 for a row of zeros."""
    return or_one(largest(x.flatten(1), (1,)))


def measured(inputs: Tensor, log: Tensor, growth: Tensor, numbers: JointNumbers, networks: int) -> Factors:
    """Of a cell's ``inputs`` (rows, C, N, H, W), which carry the scale exp(log), and of all its states.

    ``growth`` (states and outputs,) in float64 is what the states are expected to be larger by.
    """
    divisors = divisors_of(inputs)
    own = log + divisors.double().log()
    states = own[numbers.reach].amax(1) + growth
    scales = torch.cat([states, log])
    here, there = numbers.factors
    return Factors(divisors, torch.exp(scales[here] - scales[there]).to(inputs.dtype), states[-networks:])
