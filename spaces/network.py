"""The interface of networks built from genotypes."""

from __future__ import annotations

from torch import nn


class Network(nn.Module):
    """A classifier built from a genotype; `forward` takes images and an `Arithmetic`."""

    def stage_of(self, layer: str) -> str:
        """The name of the stage whose output z_s stands for ``layer``, a parameter name's module."""
        raise NotImplementedError
