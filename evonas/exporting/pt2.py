"""``pt2``: the archive of `torch.export`, which needs only PyTorch."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from evonas.exporting.format import Format
from evonas.exporting.formats import formats

if TYPE_CHECKING:
    from torch import Tensor

    from evonas.exporting.subject import Subject


class PT2(Format):
    """The archive of torch.export with weights, for any batch size; needs only PyTorch."""

    name = "pt2"
    file = "model.pt2"

    def encode(self, subject: Subject) -> bytes:
        import torch

        buffer = io.BytesIO()
        torch.export.save(subject.program, buffer)
        return buffer.getvalue()

    def decode(self, content: bytes, subject: Subject) -> Callable[[Tensor], Tensor]:
        import torch

        return torch.export.load(io.BytesIO(content)).module()

    def how_to_load(self, subject: Subject) -> str:
        side = subject.image_size
        return (
            "With PyTorch only:\n\n"
            "```python\n"
            "import torch\n\n"
            f'network = torch.export.load("{self.file}").module()\n'
            f"logits = network(torch.rand(7, 3, {side}, {side}))\n"
            "```"
        )


formats.register("pt2")(PT2())
