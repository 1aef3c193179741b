"""Zero-cost proxies that score untrained networks: CRoZe and others.

Names are loaded on demand, so that listing the proxies does not import PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitness.base import Batch, NoScore, Populations, Proxy, Score, Task, stable_hash
    from fitness.croze import LayerTerms, croze_terms
    from fitness.croze_paper import croze_paper_terms
    from fitness.lists import score_all
    from fitness.registered import proxies, register

_HOMES = {
    "Batch": "fitness.base",
    "LayerTerms": "fitness.croze",
    "NoScore": "fitness.base",
    "Populations": "fitness.base",
    "Proxy": "fitness.base",
    "Score": "fitness.base",
    "Task": "fitness.base",
    "croze_paper_terms": "fitness.croze_paper",
    "croze_terms": "fitness.croze",
    "proxies": "fitness.registered",
    "register": "fitness.registered",
    "score_all": "fitness.lists",
    "stable_hash": "fitness.base",
}

__all__ = [
    "Batch",
    "LayerTerms",
    "NoScore",
    "Populations",
    "Proxy",
    "Score",
    "Task",
    "croze_paper_terms",
    "croze_terms",
    "proxies",
    "register",
    "score_all",
    "stable_hash",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fitness' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
