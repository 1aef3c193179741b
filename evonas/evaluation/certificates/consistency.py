"""A certificate is a proof: an attack that breaks a certified image shows an error of this package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from evonas.evaluation.certificates.certified import Certified
from evonas.evaluation.outcomes import Attacked, Outcome
from spaces.errors import EvonasError


def require_unbroken(certified: Mapping[str, Certified], outcomes: Iterable[Outcome]) -> None:
    """Raises `EvonasError` for an image that is certified at an epsilon at which an attack breaks it."""
    attacked = [one for one in outcomes if isinstance(one, Attacked) and one.left]
    for name, found in certified.items():
        radii = torch.tensor(found.radii, dtype=torch.float64)
        for one in attacked:
            broken = ((radii > 0) & (radii >= one.epsilon) & ~one.left[-1][1]).nonzero()[:, 0].tolist()
            if broken:
                image, radius = broken[0], found.radii[broken[0]]
                raise EvonasError(
                    f"internal error in evonas (please report): {name} certifies image {image} up to "
                    f"{radius:.4g}/255, but {one.attack} changes its class within {one.epsilon:g}/255"
                )
