"""How a latency is measured, as text: ``onnx:batch=16:threads=2``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from evonas.core.arguments import integer, one_of
from evonas.searching.latency import COMMAND, DEFAULT, backends
from spaces.errors import UsageError, shorten
from spaces.registry import closest

FORM = "[BACKEND][:NAME=VALUE]..."
UNIT = "latency_ms"  # begins the name of a column
MEDIAN, P95 = STATISTICS = ("median", "p95")
ONNX, PT2 = FORMATS = ("onnx", "pt2")
BOUNDS = {"batch": (1, 65_536), "threads": (1, 256), "warmup": (0, 100_000), "runs": (1, 100_000)}


@dataclass(frozen=True)
class Protocol:
    """What computes a network, for how many images, on how many threads, how often, and which number counts."""

    backend: str = DEFAULT
    batch: int = 1
    threads: int = 1  # of the CPU
    warmup: int = 10  # runs before the first that is timed
    runs: int = 50
    statistic: str = MEDIAN  # of the runs
    format: str = ONNX  # of the file that a command measures

    @classmethod
    def parse(cls, argument: str) -> Protocol:
        """What follows ``latency:``. Raises `UsageError` for any other text."""
        words = [word.strip() for word in argument.split(":") if word.strip()]
        backend = words.pop(0) if words and "=" not in words[0] else DEFAULT
        if backend not in (*backends, COMMAND):
            known = closest(backend, [*backends, COMMAND])
            raise UsageError(f"unknown latency backend {shorten(backend)}: {known}")
        values: dict[str, Any] = {}
        for word in words:
            name, equals, value = word.partition("=")
            if not equals or name in values or name not in _NAMES:
                raise UsageError(
                    f"latency is used as latency:{FORM} with names of {', '.join(_NAMES)}, each once, not "
                    f"{shorten(f'latency:{argument}')}"
                )
            values[name] = _value(name, value)
        if "format" in values and backend != COMMAND:
            raise UsageError(f"format is for latency:{COMMAND}, not for {backend}")
        return cls(backend, **values)

    @property
    def text(self) -> str:
        """The normal form of what `parse` reads; empty for the default."""
        words = [f"{name}={value}" for name, value in self._differing.items()]
        return ":".join([*([] if self.backend == DEFAULT and not words else [self.backend]), *words])

    @property
    def name(self) -> str:
        """The normal form with the backend."""
        return self.text or self.backend

    @property
    def column(self) -> str:
        """The name of the column of medians in a table; that of 95th percentiles has ``.p95`` at its end."""
        return ".".join([UNIT, self.backend, *(f"{name}{value}" for name, value in self._differing.items())])

    @property
    def identity(self) -> dict[str, Any]:
        """Everything here that a value depends on, as JSON."""
        values: dict[str, Any] = {name: getattr(self, name) for name in ("backend", "batch", "warmup", "runs")}
        values["threads"] = self.threads
        values |= {"statistic": self.statistic} if self.statistic != MEDIAN else {}
        return values | ({"format": self.format} if self.backend == COMMAND else {})

    @property
    def _differing(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name, default in _NAMES.items() if getattr(self, name) != default}


_NAMES = {field.name: field.default for field in dataclasses.fields(Protocol) if field.name != "backend"}


def _value(name: str, text: str) -> int | str:
    label = f"{name} of latency"
    if name in BOUNDS:
        return integer(int(text) if text.isascii() and text.isdigit() else text, label, *BOUNDS[name])
    return one_of(text, label, STATISTICS if name == "statistic" else FORMATS)
