"""How fast this machine scores and trains, and how far that is from what it could do."""

from evonas.speed.measure import Measurement, measure

__all__ = ["Measurement", "measure"]
