"""Zero-cost proxies that score untrained networks: CRoZe and others."""

from fitness import (  # noqa: F401  (each registers its proxy)
    bn_slope,
    croze_paper,
    croze_single,
    croze_size,
    fisher,
    flops,
    grad_norm,
    grasp,
    jacob_cov,
    jacobian_norm,
    live_size,
    naswot,
    params,
    plain,
    snip,
    synflow,
    zico,
)
from fitness.base import Batch, NoScore, Populations, Proxy, Score, Task, proxies, register, stable_hash
from fitness.croze import LayerTerms, croze_terms
from fitness.croze_paper import croze_paper_terms
from fitness.lists import score_all

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
