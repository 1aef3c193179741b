"""Where scores are computed: this process, worker processes, a Ray cluster."""

from evonas.engine.base import Engine, is_lost
from evonas.engine.engines import engines, make
from evonas.engine.in_process import InProcess
from evonas.engine.processes import Processes

__all__ = ["Engine", "InProcess", "Processes", "engines", "is_lost", "make"]
