"""Reverse-mode differentiation of networks without BatchNorm, written out: faster on a CPU than autograd.

Four things make it so: tensors lie as (H, W, N, C), where a 1x1 convolution is one matrix product and a depthwise
convolution of the batch one call; shared results of edges are computed once; a step overwrites memory that is no
longer needed and accumulates sums in place; weights of equal shape lie in one tensor, so that norms and cosines
are a few operations. `known` says which networks it can take.
"""

from fitness.reverse.layers import known
from fitness.reverse.passes import Pass, forward_backward
from fitness.reverse.weights import Layers

__all__ = ["Layers", "Pass", "forward_backward", "known"]
