"""Attacks by name: each perturbs an image within a small ball until it is misclassified."""

from __future__ import annotations

from evonas.evaluation.attacks.base import Attack, AttackOptions
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.registered import attacks
from evonas.training.undisturbed import undisturbed

__all__ = ["Attack", "AttackOptions", "Draws", "attacks", "undisturbed"]
