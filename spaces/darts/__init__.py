"""The DARTS space."""

from spaces.darts.genotype import Genotype
from spaces.darts.published import PUBLISHED
from spaces.darts.space import Darts

__all__ = ["PUBLISHED", "Darts", "Genotype"]
