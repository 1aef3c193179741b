"""A latency on another device: a command of the user gets the exported network and prints one JSON object."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from evonas.core.arguments import is_number
from evonas.core.child import output_of, words_in
from evonas.core.strict_json import parse_json
from evonas.searching.latency import OPTION, measure
from evonas.searching.latency.backend import require
from evonas.searching.latency.clock import Timing, network_and_images
from evonas.searching.latency.onnx import INPUT, exported
from evonas.searching.latency.protocol import ONNX, Protocol
from fitness import NoScore, Task
from fitness.population.memory import is_exhaustion
from spaces.errors import EvonasError, UsageError, shorten

FOLDER = "{folder}"  # in a command: the directory with network, settings and script
TIMEOUT = "--latency-timeout"
SCRIPT = "measure.py"
DEFAULT_TIMEOUT = 600.0  # seconds
MAX_BYTES = 65_536  # of an answer
MAX_MS = 1e9
SAME = ("batch", "threads", "warmup", "runs")
TEXTS, TIMES = ("backend", "version", "machine"), ("median_ms", "p95_ms")
PROBE_SIDE = 8  # pixels


class Answer(NamedTuple):
    """What a command says that it measured, and where."""

    backend: str
    version: str
    machine: str
    timing: Timing


@dataclass(frozen=True)
class Command:
    """Runs a command for each network, in a directory of its own that is removed afterwards."""

    command: str
    timeout: float = DEFAULT_TIMEOUT  # seconds

    def timing(self, genotype: Any, task: Task, protocol: Protocol) -> Timing:
        """The latency of the network of ``genotype`` at the size of ``task``.

        Raises `NoScore` for a network that cannot be exported or run, `EvonasError` if the command fails or
        measures elsewhere than before.
        """
        found = self._answer(*network_and_images(genotype, task, "cpu", protocol.batch), protocol)
        where = self.where(protocol)
        if found[:3] != where[:3]:
            now, then = (f"{one.machine} with {one.backend} {one.version}" for one in (found, where))
            raise EvonasError(
                f"{self._name} measured on {now}, but on {then} before, so that values cannot be compared"
            )
        return found.timing

    def where(self, protocol: Protocol) -> Answer:
        """What measures, by the answer for a network of one layer. Raises `EvonasError` if the command fails."""
        return _probed(self, protocol.format)

    def probe(self, format: str) -> Answer:
        """The answer for a network of one layer."""
        network = nn.Conv2d(3, 1, 1).requires_grad_(False).eval()
        try:
            return self._answer(
                network, torch.zeros(1, 3, PROBE_SIDE, PROBE_SIDE), Protocol(warmup=0, runs=1, format=format)
            )
        except NoScore as error:
            raise EvonasError(f"{self._name} cannot run a network of one convolution: {error}") from None

    @property
    def _name(self) -> str:
        return f"the command of {OPTION}"

    @property
    def words(self) -> list[str]:
        """Program and arguments, among them `FOLDER`."""
        words = words_in(self.command, OPTION)
        return words if any(FOLDER in word for word in words) else [*words, FOLDER]

    def _answer(self, network: nn.Module, images: Tensor, protocol: Protocol) -> Answer:
        with TemporaryDirectory(prefix="evonas-latency-") as folder:
            write(Path(folder), network, images, protocol)
            words = [word.replace(FOLDER, folder) for word in self.words]
            found = output_of(words, self.timeout, MAX_BYTES, self._name, f"raise {TIMEOUT}")
        return answer_in(found, protocol, self._name)


@cache
def _probed(command: Command, format: str) -> Answer:
    return command.probe(format)


def write(folder: Path, network: nn.Module, images: Tensor, protocol: Protocol) -> None:
    """Write a network for ``images``, (N, 3, H, W), settings and the script that measures.

    Raises `NoScore` if the network cannot be exported.
    """
    try:
        content = _onnx(network, images) if protocol.format == ONNX else _pt2(network, images)
    except UsageError:
        raise
    except Exception as error:  # the exporters have many
        first_line = str(error).strip().split("\n")[0] or type(error).__name__
        if is_exhaustion(error):
            raise MemoryError(first_line) from error
        raise NoScore(f"the network cannot be exported as {protocol.format}: {first_line}") from error
    file = f"network.{protocol.format}"
    settings = {"format": protocol.format, "file": file, "input": INPUT, "shape": list(images.shape)}
    settings |= {name: getattr(protocol, name) for name in SAME}
    (folder / file).write_bytes(content)
    (folder / measure.SETTINGS).write_text(json.dumps(settings) + "\n", encoding="utf-8")
    script = Path(measure.__file__).read_text(encoding="utf-8")
    (folder / SCRIPT).write_text(script, encoding="utf-8")


def _onnx(network: nn.Module, images: Tensor) -> bytes:
    require(("onnx",), "the format onnx of a latency (format=pt2 is the other one)")
    return exported(network, images)


def _pt2(network: nn.Module, images: Tensor) -> bytes:
    buffer = io.BytesIO()
    with torch.no_grad():
        torch.export.save(torch.export.export(network, (images,)), buffer)
    return buffer.getvalue()


def answer_in(output: bytes, protocol: Protocol, name: str) -> Answer:
    """What a command printed. Raises `NoScore` for a network that cannot run, `EvonasError` for anything else.

    ``name`` is that of the command in messages.
    """
    try:
        found = parse_json(output.decode())
    except ValueError as error:
        what = shorten(" ".join(output.decode(errors="replace").split()))
        raise EvonasError(f"{name} must print one JSON object and nothing else, not {what} ({error})") from None
    if not isinstance(found, dict):
        raise EvonasError(f"{name} must print one JSON object, not {shorten(json.dumps(found))}")
    if found.keys() == {"error"}:
        raise NoScore(f"the device cannot run the network: {shorten(str(found['error']), 200)}")
    keys = {*TEXTS, *SAME, *TIMES}
    wrong = [f"without {key}" for key in sorted(keys - found.keys())]
    wrong += [f"with an unknown {shorten(key)}" for key in sorted(found.keys() - keys)]
    if wrong:
        every = ", ".join((*TEXTS, *SAME, *TIMES))
        raise EvonasError(f"{name} answered {', '.join(wrong[:3])}; the keys are {every}")
    return _answer(found, protocol, name)


def _answer(found: Mapping[str, Any], protocol: Protocol, name: str) -> Answer:
    for key in SAME:
        if not is_number(found[key]) or found[key] != getattr(protocol, key):
            asked = getattr(protocol, key)
            raise EvonasError(f"{name} answered with {key} {shorten(str(found[key]))}, but {asked} was asked for")
    for key in TEXTS:
        if not isinstance(found[key], str) or not found[key].strip() or not found[key].isprintable():
            raise EvonasError(f"{name} answered with {key} {shorten(repr(found[key]))}, which is not a name")
    for key in TIMES:
        if not is_number(found[key]) or not 0 < found[key] < MAX_MS:
            raise EvonasError(f"{name} answered with {key} {shorten(str(found[key]))}, which is not a time")
    timing = Timing(*(float(found[key]) for key in TIMES))
    if timing.p95 < timing.median:
        raise EvonasError(f"{name} answered with p95_ms {timing.p95:g}, below median_ms {timing.median:g}")
    backend, version, machine = (str(found[key]).strip() for key in TEXTS)
    return Answer(backend, version, machine, timing)
