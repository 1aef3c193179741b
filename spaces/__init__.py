"""What can be searched: genotypes, how they mutate, and the networks they stand for."""

from spaces.base import Network, Space, spaces
from spaces.darts import Darts
from spaces.errors import EvonasError, UsageError
from spaces.nasbench201 import NasBench201
from spaces.registry import Registry
from spaces.size import Layer, NetworkSize, StageTally, Tally

__all__ = [
    "Darts",
    "EvonasError",
    "Layer",
    "NasBench201",
    "Network",
    "NetworkSize",
    "Registry",
    "Space",
    "StageTally",
    "Tally",
    "UsageError",
    "spaces",
]
