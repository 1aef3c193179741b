"""Attacks by name: each perturbs an image within a small ball until it is misclassified."""

from __future__ import annotations

from evonas.evaluation.attacks import (  # noqa: F401  (each registers its attack)
    apgd_ce,
    apgd_t,
    autoattack,
    fab_t,
    fgsm,
    pgd,
    square,
)
from evonas.evaluation.attacks.base import Attack, AttackOptions, attacks
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.attacks.undisturbed import undisturbed

__all__ = ["Attack", "AttackOptions", "Draws", "attacks", "undisturbed"]
