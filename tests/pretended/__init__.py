"""A pretended GPU: tensors are computed on the CPU, but each knows the device on which it would be.

`card` makes PyTorch believe in CUDA devices. What CUDA refuses is an error here as well: an operation on tensors
of two devices, a generator of another device, a tensor of a device given to NumPy. Every wait of the host for the
device and every blocking upload, which is each one from memory that is not pinned, is noted with its place in the
source.

It does not see: kernels that CUDA lacks, layouts, TF32, streams, NCCL, the true memory, the lists of autocast on
CUDA (those of the CPU are used), and what C++ decides by the device.
"""

from tests.pretended.card import card
from tests.pretended.log import Log

__all__ = ["Log", "card"]
