"""The fitness ``latency``: milliseconds of a network on this machine, or on the device of a command."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from evonas.core.provenance import chip
from evonas.searching.latency import COMMAND, OPTION, backends, protocol
from evonas.searching.latency.clock import Timing, timing
from evonas.searching.latency.command import DEFAULT_TIMEOUT, Command
from evonas.searching.latency.protocol import Protocol
from evonas.searching.objectives import fitness_kinds
from evonas.searching.objectives.fitness import Fitness, Objective
from evonas.store.settings import SearchSettings
from fitness import NoScore, Score, Task
from spaces import Space
from spaces.errors import UsageError

VERSION = 1


@fitness_kinds.register("latency")
@dataclass(frozen=True)
class Latency(Fitness):
    """Milliseconds, measured: `latency` by PyTorch, `latency:onnx:batch=16` by ONNX Runtime, `latency:command`."""

    argument: str = ""
    command: str | None = None
    timeout: float | None = None  # seconds of the command
    form: ClassVar[str] = protocol.FORM
    measured = True
    positive = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "argument", Protocol.parse(self.argument).text)

    @property
    def protocol(self) -> Protocol:
        """How it is measured."""
        return Protocol.parse(self.argument)

    @property
    def commanded(self) -> bool:
        """Whether a command measures it."""
        return self.protocol.backend == COMMAND

    def within(self, settings: SearchSettings) -> Fitness:
        if not self.commanded:
            return self
        return replace(self, command=settings.latency_command, timeout=settings.latency_timeout)

    @property
    def text(self) -> str:
        return f"latency:{self.argument}" if self.argument else "latency"

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Objective(self.text),)

    def identity(self) -> dict[str, Any]:
        command = {"command": self.command} if self.commanded else {}
        return {self.text: {"version": VERSION, **self.protocol.identity, **command}}

    def conditions(self, device: str) -> dict[str, str]:
        if self.commanded:
            where = self._command.where(self.protocol)
            return {"machine": where.machine, where.backend: where.version}
        backend = backends[self.protocol.backend]
        return {"machine": chip(backend.device(device)), backend.title: backend.version()}

    def changed(self, name: str, then: Any, now: Any) -> str:
        return f"was measured with {then} for {name!r}, but this version measures with {now}; start a new run"

    def check(self, space: Space) -> Sequence[str]:
        if self.commanded:
            _ = self._command.where(self.protocol)
            return ()
        backends[self.protocol.backend].require()
        count, cores = self.protocol.threads, os.cpu_count() or 1
        return [f"{self.text} has {count} threads, and this machine {cores} cores"] if count > cores else ()

    @property
    def _command(self) -> Command:
        if self.command is None:
            raise UsageError(f"{self.text} is measured by a command: add {OPTION}")
        return Command(self.command, DEFAULT_TIMEOUT if self.timeout is None else self.timeout)

    def timing(self, genotype: Any, task: Task) -> Timing:
        """Median and 95th percentile of a genotype, measured now. Raises `NoScore` and `EvonasError`."""
        if self.commanded:
            return self._command.timing(genotype, task, self.protocol)
        return timing(genotype, task, backends[self.protocol.backend], self.protocol)

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        for genotype in genotypes:
            started, value, reason = time.perf_counter(), None, ""
            try:
                value = self.timing(task.space.canonical(genotype), task).of(self.protocol.statistic)
            except NoScore as error:
                reason = str(error)
            yield {self.text: Score(value, reason, time.perf_counter() - started)}


def uses_command(parts: Iterable[Fitness]) -> bool:
    """Whether a command measures one of ``parts``."""
    return any(part.objectives[0].name.startswith(f"latency:{COMMAND}") for part in parts)


def require_used(command: str | None, parts: Iterable[Fitness]) -> None:
    """Raises `UsageError` for a command that measures none of ``parts``."""
    if command is not None and not uses_command(parts):
        raise UsageError(
            f"{OPTION} measures latency:{COMMAND}, which is neither an objective nor limited; add it as such, for "
            f"example --objectives croze,-latency:{COMMAND}"
        )


def require_repeated(run: str | Path, command: str | None, repeated: object) -> None:
    """Raises `UsageError` for a stored command that was not given again, as a file must not choose what runs."""
    if command is not None and repeated is None:
        again = f"add {OPTION} {shlex.quote(command)}"
        raise UsageError(f"{run} measures with a command, which runs only if it is given again: {again}")
