"""The NAS-Bench-201 space."""

from spaces.nasbench201.genotype import Cell
from spaces.nasbench201.space import NasBench201

__all__ = ["Cell", "NasBench201"]
