"""The registry of attacks; importing it does not import PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:
    from evonas.evaluation.attacks.base import Attack

attacks: Registry[type[Attack]] = Registry(
    "attack",
    {
        "apgd-ce": "evonas.evaluation.attacks.apgd_ce",
        "apgd-t": "evonas.evaluation.attacks.apgd_t",
        "autoattack": "evonas.evaluation.attacks.autoattack",
        "fab-t": "evonas.evaluation.attacks.fab_t",
        "fgsm": "evonas.evaluation.attacks.fgsm",
        "pgd": "evonas.evaluation.attacks.pgd",
        "square": "evonas.evaluation.attacks.square",
    },
    group="evonas.assessments",
)
