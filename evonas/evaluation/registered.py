"""The registries of attacks and of other assessments; importing them does not import PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:
    from evonas.evaluation.assessment import Assessment
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
    group="evonas.attacks",
)
# Those that are neither an attack nor a corruption: ``evaluate --assess NAME``
assessments: Registry[type[Assessment]] = Registry("assessment", group="evonas.assessments")
