"""The speed of scoring and training on this machine, compared with its limits."""

from evonas.speed.measure import Measurement, measure

__all__ = ["Measurement", "measure"]
