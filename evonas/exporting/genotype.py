"""``genotype``: the architecture and its settings as one JSON object, without weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from evonas.exporting.format import Format
from evonas.exporting.formats import formats
from evonas.training.artefacts import GENOTYPE

if TYPE_CHECKING:
    from torch import Tensor

    from evonas.exporting.subject import Subject


class Genotype(Format):
    """The genotype with C, L, classes, image size and normalisation as JSON; no weights."""

    name = "genotype"
    file = GENOTYPE

    def encode(self, subject: Subject) -> bytes:
        return (json.dumps(subject.facts, indent=2) + "\n").encode()

    def decode(self, content: bytes, subject: Subject) -> Callable[[Tensor], Tensor]:
        """The network of the JSON, with the weights of the exported network: (N, 3, H, W) -> (N, classes)."""
        from evonas.exporting.subject import rebuilt

        model = rebuilt(json.loads(content))
        model.network.load_state_dict(subject.model.network.state_dict())
        return model

    def how_to_load(self, subject: Subject) -> str:
        facts = subject.facts
        dataset = "folder:PATH" if facts["dataset"] == "folder" else facts["dataset"]
        return (
            f"The architecture in the syntax of the literature, and the "
            "facts of this page except the accuracies. To train it again with evonas\n\n"
            "```python\n"
            "import json, evonas\n\n"
            f'genotype = json.load(open("{self.file}"))["genotype"]\n'
            f'evonas.train(genotype, "runs/again", space="{facts["space"]}", dataset="{dataset}", '
            f"channels={facts['channels']}, layers={facts['layers']}, image_size={facts['image_size']}"
            f"{_stem(facts)})\n"
            "```"
        )


def _stem(facts: Mapping[str, Any]) -> str:
    return f', stem="{facts["stem"]}"' if "stem" in facts else ""


formats.register("genotype")(Genotype())
