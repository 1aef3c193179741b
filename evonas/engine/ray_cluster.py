"""A Ray cluster: one actor per core or GPU, on any node."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from evonas.core.arguments import text
from evonas.core.version import __version__
from evonas.engine.base import Engine, Function
from evonas.engine.protocol import Died, Event, Worker
from evonas.engine.worker import Done, Failed, Ready, answer, failed, settle
from evonas.engine.workers import Workers
from spaces.errors import EvonasError, UsageError
from spaces.registry import packages

PATIENCE = 30.0  # seconds without any actor until a message

REACH_SECONDS = 5.0


def versions() -> dict[str, str]:
    """The versions that must match on every node, because scores may depend on them."""
    import torch

    return {"evonas": __version__, "torch": torch.__version__, **packages()}


class Actor:
    """The worker that Ray runs in its own process."""

    def __init__(self, function: Function, device: str) -> None:
        settle(device, 0)  # Ray shows each actor its own GPU only
        self._function = function

    def versions(self) -> dict[str, str]:
        return versions()

    def answer(self, items: list[Any]) -> Done | Failed:
        return answer(self._function, items)


class RayWorker(Worker):
    """An actor and its pending answer."""

    def __init__(self, actor: Any, index: int) -> None:
        super().__init__(index)
        self.actor = actor
        self.owed: Any = actor.versions.remote()

    def give(self, items: list[Any]) -> None:
        self.owed = self.actor.answer.remote(items)

    def stop(self) -> None:
        import ray

        if ray.is_initialized():
            ray.kill(self.actor)


class Ray(Workers):
    """Actors on the cluster at ``address``, or on the cluster that ``ray.init()`` finds or starts."""

    most_deaths = 3  # nodes may be lost repeatedly, which is not caused by the genotype
    failed_starts = 8
    shares_files = False  # actors may be on other machines

    def __init__(self, count: int | None = None, address: str | None = None) -> None:
        super().__init__(count)
        self._address = None if address is None else text(address, "--ray-address")
        if find_spec("ray") is None:
            raise UsageError('--engine ray needs Ray: pip install "evonas[ray]"')

    @contextmanager
    def opened(self, device: str, announce: Callable[[str], object]) -> Iterator[Engine]:
        if device.startswith("cuda:"):
            raise UsageError(f"Ray selects the GPUs: use --device cuda, not {device}")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        ours = not ray.is_initialized()
        if ours:
            self._connect()
        try:
            with super().opened(device, announce):
                yield self
        finally:
            self._reference: Any = None
            if ours:
                ray.shutdown()

    def _connect(self) -> None:
        import ray

        try:
            _reach(self._address or "")
            ray.init(self._address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray raises this if its own processes do not start in time
            where = f"at {self._address}" if self._address else "here"
            first_line = str(error).strip().split("\n")[0]
            raise EvonasError(f"no Ray cluster {where}: {first_line}; start one with: ray start --head") from error

    @property
    def description(self) -> str:
        import ray

        nodes = sum(node["Alive"] for node in ray.nodes())
        return f"Ray, {self.count} actor{'s' * (self.count > 1)} on {nodes} node{'s' * (nodes > 1)}"

    def default_count(self) -> int:
        import ray

        resource = "GPU" if self.device == "cuda" else "CPU"
        found = int(ray.cluster_resources().get(resource, 0))
        if not found:
            raise EvonasError(f"the Ray cluster has no {resource}")
        return found

    def dismiss(self) -> None:
        super().dismiss()
        self._reference = None

    def start(self, function: Function, index: int) -> Worker:
        import ray

        if self._reference is None:
            self._reference = ray.put(function)  # stored once; every node fetches it once
            self._lonely_since = time.monotonic()
        options = {"num_cpus": 0, "num_gpus": 1} if self.device == "cuda" else {"num_cpus": 1}
        remote = ray.remote(Actor).options(**options, max_restarts=0, scheduling_strategy="SPREAD")
        return RayWorker(remote.remote(self._reference, self.device), index)

    def listen(self) -> list[tuple[Worker, Event]]:
        import ray

        owed = {member.owed: member for member in self.members if isinstance(member, RayWorker) and member.owed}
        answered, _ = ray.wait(list(owed), timeout=PATIENCE)
        if not any(member.ready for member in self.members) and not answered:
            self.announce_once(f"the Ray cluster has not started any of {self.count} actors yet; waiting")
        return [(owed[reference], self._event(owed[reference], reference)) for reference in answered]

    def _event(self, worker: RayWorker, reference: Any) -> Event:
        import ray

        worker.owed = None
        try:
            said = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            return failed(error)
        except ray.exceptions.RayError as error:
            return Died(str(error).strip().split("\n")[0])
        if isinstance(said, dict):
            ours = versions()
            if said != ours:
                return failed(EvonasError(f"an actor of the Ray cluster has {said}, but this process has {ours}"))
            return Ready()
        return said


def _reach(address: str) -> None:
    """Raises `OSError` if nothing listens at HOST:PORT; Ray itself would retry for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "://" not in address:
        socket.create_connection((host, int(port)), REACH_SECONDS).close()
