"""The RobNet space."""

from spaces.robnet.genotype import Genotype
from spaces.robnet.published import PUBLISHED
from spaces.robnet.space import RobNet

__all__ = ["PUBLISHED", "Genotype", "RobNet"]
