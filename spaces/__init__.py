"""Search spaces: genotypes, their mutations, and the networks that they describe.

Names are loaded on demand, so that commands without networks do not import PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spaces.base import Space
    from spaces.darts.space import Darts
    from spaces.errors import EvonasError, UsageError
    from spaces.nasbench201.space import NasBench201
    from spaces.network import Network
    from spaces.product import ProductSpace
    from spaces.registered import spaces
    from spaces.registry import Registry
    from spaces.robnet.space import RobNet
    from spaces.size import Layer, NetworkSize, StageTally, Tally

_HOMES = {
    "Darts": "spaces.darts.space",
    "EvonasError": "spaces.errors",
    "Layer": "spaces.size",
    "NasBench201": "spaces.nasbench201.space",
    "Network": "spaces.network",
    "NetworkSize": "spaces.size",
    "Registry": "spaces.registry",
    "ProductSpace": "spaces.product",
    "RobNet": "spaces.robnet.space",
    "Space": "spaces.base",
    "StageTally": "spaces.size",
    "Tally": "spaces.size",
    "UsageError": "spaces.errors",
    "spaces": "spaces.registered",
}

__all__ = [
    "Darts",
    "EvonasError",
    "Layer",
    "NasBench201",
    "Network",
    "NetworkSize",
    "ProductSpace",
    "Registry",
    "RobNet",
    "Space",
    "StageTally",
    "Tally",
    "UsageError",
    "spaces",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spaces' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
