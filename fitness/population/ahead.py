"""Draws the weights of a population, and those of the next one while this one is on the device."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor

from fitness.base import Task, stable_hash
from fitness.population import memory
from fitness.population.plan import Plan
from fitness.population.weights import Drawing, Weights

HOST_SHARE = 0.1  # of the free memory of the host, for weights that wait for their turn
MAX_THREADS = 4  # that draw while this thread launches: enough to be first, few enough to leave it the interpreter


class Ahead:
    """Weights of one population after the other; `close` ends its threads.

    At most one population is drawn before it is asked for. The bits are those of drawing it then, because each
    network has a generator of its own. An error in a thread is raised where its population is asked for.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.plan: Plan | None = None  # what is drawn ahead
        self._drawing: Drawing | None = None
        self._filled: list[Future[None]] = []
        self._pool: ThreadPoolExecutor | None = None

    def begin(self, plan: Plan) -> None:
        """Draw the weights of ``plan`` in threads, if the host has room for them."""
        self.drop()
        room = memory.budget("cpu", HOST_SHARE)
        if room is not None and memory.drawn(plan) > room:
            return
        try:
            self._drawing = _drawing(plan, self.task)
        except (MemoryError, RuntimeError) as error:
            if not memory.is_exhaustion(error):
                raise
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(min(MAX_THREADS, cores()), "weights")
        self.plan = plan
        self._filled = [self._pool.submit(self._drawing.fill, network) for network in range(plan.networks)]

    def weights(self, plan: Plan) -> Weights:
        """The weights of ``plan`` on the device, drawn ahead or now."""
        if plan is not self.plan or self._drawing is None:
            self.drop()
            return weights_of(plan, self.task)
        drawing, filled = self._drawing, self._filled
        self.plan, self._drawing, self._filled = None, None, []
        try:
            for one in filled:
                one.result()
        finally:
            _end(filled)
        return drawing.weights.on(self.task.device, self.task.dtype)

    def drop(self) -> None:
        """Forget what is drawn ahead."""
        filled, self._filled = self._filled, []
        _end(filled)
        self.plan, self._drawing = None, None

    def close(self) -> None:
        """End the threads; one that draws finishes its network first."""
        self.drop()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def weights_of(plan: Plan, task: Task) -> Weights:
    """The weights of ``plan`` on the task's device, drawn now; for a GPU, which would wait, by all cores."""
    drawing = _drawing(plan, task)
    threads = 1 if task.device == "cpu" else min(cores(), plan.networks)
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(drawing.fill, range(plan.networks)))
    else:
        for network in range(plan.networks):
            drawing.fill(network)
    return drawing.weights.on(task.device, task.dtype)


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _drawing(plan: Plan, task: Task) -> Drawing:
    seeds = [stable_hash(task.seed, task.space.key(genotype)) for genotype in plan.genotypes]
    return Drawing(plan, seeds, pinned=task.device.startswith("cuda"))


def _end(filled: list[Future[None]]) -> None:
    """Nothing of ``filled`` runs any more, and what has not begun never will."""
    for one in filled:
        one.cancel()
    for one in filled:
        if not one.cancelled():
            one.exception()  # waits
