"""The registries of attacks, certificates and other assessments; importing them does not import PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:
    from evonas.evaluation.assessment import Assessment
    from evonas.evaluation.attacks.base import Attack
    from evonas.evaluation.certificates.base import Certificate

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
certificates: Registry[type[Certificate]] = Registry(
    "certificate",
    {
        "crown-ibp": "evonas.evaluation.certificates.crown_ibp",
        "ibp": "evonas.evaluation.certificates.ibp",
        "smoothing": "evonas.evaluation.certificates.smoothing",
    },
    group="evonas.certificates",
)
# Those that are neither an attack, a corruption nor a certificate: ``evaluate --assess NAME``
assessments: Registry[type[Assessment]] = Registry("assessment", group="evonas.assessments")
