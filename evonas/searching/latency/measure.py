"""Measures the network next to this file and prints one JSON object; needs ONNX Runtime or PyTorch, nothing else.

``python measure.py`` reads ``settings.json`` and the network that it names. It runs on Python 3.8 and later.
"""

from __future__ import annotations

import json
import math
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

SETTINGS = "settings.json"


def summary(seconds: list[float]) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds; the latter is a run that 95 % of the runs do not exceed."""
    slow = sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1]
    return 1000 * statistics.median(seconds), 1000 * slow


def onnx_call(path: Path, settings: dict[str, Any]) -> tuple[Any, str, str]:
    """A call that computes the network, and the library with its version."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = settings["threads"]
    session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    image = numpy.random.default_rng(0).random(settings["shape"], dtype=numpy.float32)
    inputs = {settings["input"]: image}
    return lambda: session.run(None, inputs), "ONNX Runtime", onnxruntime.__version__


def pt2_call(path: Path, settings: dict[str, Any]) -> tuple[Any, str, str]:
    """A call that computes the network, and the library with its version."""
    import torch

    torch.set_num_threads(settings["threads"])
    network: Any = torch.export.load(str(path)).module()
    image = torch.rand(settings["shape"], generator=torch.Generator().manual_seed(0))

    def call() -> object:
        with torch.inference_mode():
            return network(image)

    return call, "PyTorch", torch.__version__


def machine() -> str:
    """The product name of the processor, or of the board."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return (names or [platform.processor() or platform.machine() or "unknown"])[0]


def measured(folder: Path) -> dict[str, Any]:
    """The answer: what was measured where, median and 95th percentile; an error for a network that cannot run."""
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    prepare = onnx_call if settings["format"] == "onnx" else pt2_call
    try:
        call, library, version = prepare(folder / settings["file"], settings)
        for _ in range(settings["warmup"]):
            call()
        seconds = []
        for _ in range(settings["runs"]):
            started = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - started)
    except ImportError:
        raise
    except Exception as error:
        first_line = str(error).strip().split("\n")[0]
        return {"error": f"{type(error).__name__}: {first_line}"}
    median, slow = summary(seconds)
    same = {name: settings[name] for name in ("batch", "threads", "warmup", "runs")}
    what = {"backend": library, "version": str(version), "machine": machine()}
    return {**what, **same, "median_ms": median, "p95_ms": slow}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(Path(__file__).resolve().parent)) + "\n")
