"""ONNX Runtime on the CPU, whatever the device of the run is."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from evonas.searching.latency import backends
from evonas.searching.latency.backend import Backend
from fitness import NoScore
from fitness.population.memory import is_exhaustion

INPUT = "image"


class OnnxRuntime(Backend):
    """ONNX Runtime with all its optimisations.

    The exporter is that of TorchScript. That of `evonas export` takes eight times as long (22 and 31 s instead of
    2.4 and 4.1 s for two DARTS networks of C=36, L=20), and its files are as fast.
    """

    title = "ONNX Runtime"
    packages = ("onnx", "onnxruntime")

    def version(self) -> str:
        self.require()
        import onnxruntime

        return str(onnxruntime.__version__)

    def device(self, device: str) -> str:
        return "cpu"

    def prepared(self, network: nn.Module, image: Tensor) -> Callable[[], object]:
        self.require()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = torch.get_num_threads()
        inputs = {INPUT: image.numpy()}
        try:
            content = exported(network, image)
            session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            session.run(None, inputs)
        except Exception as error:  # of any kind: both libraries have their own
            first_line = str(error).strip().split("\n")[0] or type(error).__name__
            if is_exhaustion(error):
                raise MemoryError(first_line) from error
            raise NoScore(f"ONNX Runtime cannot run the network: {first_line}") from error
        return lambda: session.run(None, inputs)


class _OnlyImage(nn.Module):
    """A network without its optional arguments, which the exporter would trace."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Any:
        return self.network(image)


def exported(network: nn.Module, image: Tensor) -> bytes:
    """``network`` as an ONNX file for images of the shape of ``image``, (N, C, H, W)."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # this exporter is deprecated
        program = _OnlyImage(network).eval()
        torch.onnx.export(program, (image,), buffer, input_names=[INPUT], dynamo=False)  # type: ignore[arg-type]
    return buffer.getvalue()


backends.register("onnx")(OnnxRuntime())
