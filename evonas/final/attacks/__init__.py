"""Attacks by name: each perturbs an image within a small ball until it is misclassified."""

from __future__ import annotations

from evonas.final.attacks import (  # noqa: F401  (each registers its attack)
    apgd_ce,
    apgd_t,
    autoattack,
    fab_t,
    fgsm,
    pgd,
    square,
)
from evonas.final.attacks.base import Attack, AttackOptions, attacks
from evonas.final.attacks.draws import Draws
from evonas.final.attacks.undisturbed import undisturbed

__all__ = ["Attack", "AttackOptions", "Draws", "attacks", "undisturbed"]
