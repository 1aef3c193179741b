"""What a search maximises or minimises: kinds of fitness, one file each."""

from evonas.searching.objectives.fitness import Fitness, Objective
from evonas.searching.objectives.kinds import fitness_kinds

__all__ = ["Fitness", "Objective", "fitness_kinds"]
