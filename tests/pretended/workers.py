"""Worker processes with pretended cards: each is forked, and installs its cards before it is a worker."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

import torch

from evonas.engine.base import Function
from evonas.engine.protocol import Worker
from evonas.engine.scores import Scorer, score_chunk
from evonas.engine.worker import main as work
from fitness import Task
from tests import forks
from tests.pretended.card import card
from tests.warm import Child, WarmProcess, WarmProcesses

CARDS = 2
PATIENCE = 60  # seconds for the other worker


class CardProcess(WarmProcess):
    """One worker with `CARDS` pretended cards."""

    def __init__(self, function: Function, index: int) -> None:
        Worker.__init__(self, index)
        self.function, self.greeted = function, False
        ours, theirs = socket.socketpair()
        self.connection = Connection(ours.detach())
        with theirs:
            status = forks.server().serve("tests.pretended.workers", theirs.fileno(), theirs.fileno())
        self.process = Child(forks.Command((), status, None, None))
        self.connection.send(index)


class CardProcesses(WarmProcesses):
    """A worker for each card."""

    def start(self, function: Function, index: int) -> Worker:
        return CardProcess(function, index)


def main(requests: IO[str], answers: IO[str]) -> None:
    """Be a worker."""
    connection = Connection(os.dup(requests.fileno()))
    index = connection.recv()
    with card(CARDS):
        work(connection, "cuda", index)


def score_where(
    genotypes: Sequence[Any], fitness: Scorer, task: Task, place: Path
) -> list[tuple[int | None, dict[str, float | None]]]:
    """The card and the scores of each genotype, once all workers have begun."""
    where = torch.zeros(1, device=task.device).device.index
    (place / str(where)).touch()
    until = time.monotonic() + PATIENCE
    while len(list(place.iterdir())) < CARDS and time.monotonic() < until:
        time.sleep(0.01)
    found = score_chunk(genotypes, fitness, task)
    return [(where, {name: score.value for name, score in one.items()}) for one in found]
