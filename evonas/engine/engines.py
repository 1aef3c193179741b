"""Engines by name."""

from __future__ import annotations

from collections.abc import Callable

from evonas.engine.auto import Auto
from evonas.engine.base import Engine
from evonas.engine.in_process import InProcess
from evonas.engine.processes import Processes
from evonas.engine.ray_cluster import Ray
from spaces.errors import UsageError
from spaces.registry import Registry

engines: Registry[Callable[[int | None, str | None], Engine]] = Registry(
    "engine", dict.fromkeys(("auto", "in-process", "processes", "ray"), "evonas.engine.engines")
)


@engines.register("auto")
def _auto(workers: int | None, ray_address: str | None) -> Engine:
    """This process; after five seconds on a CPU, one process per core; with several GPUs, one process per GPU."""
    return Auto(workers)


@engines.register("in-process")
def _in_process(workers: int | None, ray_address: str | None) -> Engine:
    """This process."""
    if workers not in (None, 1):
        raise UsageError(f"--engine in-process has no workers; use --engine processes for --workers {workers}")
    return InProcess()


@engines.register("processes")
def _processes(workers: int | None, ray_address: str | None) -> Engine:
    """Worker processes on this machine: one per CPU core or GPU, or --workers."""
    return Processes(workers)


@engines.register("ray")
def _ray(workers: int | None, ray_address: str | None) -> Engine:
    """Actors on a Ray cluster: one per core or GPU, or --workers."""
    return Ray(workers, ray_address)


def make(
    name: str = "auto",
    workers: int | None = None,
    ray_address: str | None = None,
    time_limit: float | None = None,
) -> Engine:
    """The engine called ``name``. Raises `UsageError` for options that exclude each other.

    ``time_limit`` is the limit of one evaluation in seconds; a slower process is stopped.
    """
    if time_limit is not None:
        if name not in ("auto", "processes"):
            raise UsageError(f"--time-limit needs worker processes: use --engine processes, not {name}")
        return Processes(workers, time_limit)
    if ray_address is not None and name != "ray":
        raise UsageError(f"--ray-address needs --engine ray, not {name}")
    return engines[name](workers, ray_address)
