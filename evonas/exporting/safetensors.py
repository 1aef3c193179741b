"""``safetensors``: the weights under the module names of the literature."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from evonas.exporting.format import Format
from evonas.exporting.formats import formats
from evonas.training.artefacts import WEIGHTS
from evonas.training.exported import FACTS

if TYPE_CHECKING:
    from torch import Tensor

    from evonas.exporting.subject import Subject


class SafeTensors(Format):
    """The weights under the module names of the literature, and all facts in the header."""

    name = "safetensors"
    file = WEIGHTS

    def encode(self, subject: Subject) -> bytes:
        from safetensors.torch import save

        tensors = dict(subject.model.network.state_dict())
        tensors |= {"mean": subject.model.mean.flatten(), "std": subject.model.std.flatten()}
        metadata = {"format": "pt", FACTS: json.dumps(subject.facts)}
        return save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata)

    def decode(self, content: bytes, subject: Subject) -> Callable[[Tensor], Tensor]:
        """The network rebuilt from the header with the weights of the file: (N, 3, H, W) -> (N, classes)."""
        from safetensors.torch import load

        from evonas.exporting.subject import rebuilt

        size = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + size])
        model = rebuilt(json.loads(header["__metadata__"][FACTS]))
        tensors = load(content)
        for name in ("mean", "std"):
            getattr(model, name).copy_(tensors.pop(name).view(1, 3, 1, 1))
        model.network.load_state_dict(tensors)
        return model

    def how_to_load(self, subject: Subject) -> str:
        names = list(subject.model.network.state_dict())
        return (
            f"{len(names)} tensors under the module names of the {subject.facts['space']} literature "
            f"(`{names[0]}`, ..., `{names[-1]}`), so that networks of its code load them with "
            "`load_state_dict`; `mean` and `std` (3,) normalise the input, (x - mean) / std; "
            f"`{FACTS}` in the header is the content of genotype.json. With PyTorch and safetensors:\n\n"
            "```python\n"
            "from safetensors.torch import load_file\n\n"
            f'tensors = load_file("{self.file}")\n'
            'mean, std = tensors.pop("mean"), tensors.pop("std")\n'
            "```"
        )


formats.register("safetensors")(SafeTensors())
