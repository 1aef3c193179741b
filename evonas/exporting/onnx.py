"""``onnx``: the Open Neural Network Exchange, which onnxruntime and many others load."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evonas.exporting.format import Format
from evonas.exporting.formats import formats
from spaces.errors import EvonasError

if TYPE_CHECKING:
    from torch import Tensor

    from evonas.exporting.subject import Subject

INPUT, OUTPUT = "images", "logits"
MAX_BYTES = 2**31 - 1  # bytes of a protocol buffer


class Onnx(Format):
    """ONNX with weights and a dynamic batch, BatchNorm folded into the convolutions."""

    name = "onnx"
    file = "model.onnx"
    packages = ("onnx", "onnxscript", "onnxruntime")

    def encode(self, subject: Subject) -> bytes:
        import torch

        if (size := 4 * subject.facts["params"]) > MAX_BYTES:
            raise EvonasError(
                f"this network has {size} bytes, but an ONNX file is limited to 2 GB; use --format pt2"
            )
        exported = torch.onnx.export(
            subject.program,
            (subject.images(2),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: "batch"},),
            external_data=False,
            dynamo=True,
            verbose=False,
        )
        assert exported is not None
        model = exported.model_proto
        for part in (*model.graph.node, *model.graph.value_info):
            del part.metadata_props[:]  # the debug history of each node, three times the size of the rest
        model.producer_name = "evonas"
        return model.SerializeToString()

    def decode(self, content: bytes, subject: Subject) -> Callable[[Tensor], Tensor]:
        """The network as onnxruntime computes it on the CPU: (N, 3, H, W) -> (N, classes)."""
        import onnxruntime
        import torch

        session: Any = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        return lambda images: torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])

    def how_to_load(self, subject: Subject) -> str:
        side = subject.image_size
        return (
            f"Input `{INPUT}`, output `{OUTPUT}`, any batch size. With onnxruntime:\n\n"
            "```python\n"
            "import numpy, onnxruntime\n\n"
            f'session = onnxruntime.InferenceSession("{self.file}")\n'
            f"images = numpy.random.rand(7, 3, {side}, {side}).astype(numpy.float32)\n"
            f'(logits,) = session.run(["{OUTPUT}"], {{"{INPUT}": images}})\n'
            "```"
        )


formats.register("onnx")(Onnx())
