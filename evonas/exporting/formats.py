"""The registry of export formats."""

from evonas.exporting.format import Format
from spaces.registry import Registry

formats: Registry[Format] = Registry(
    "format",
    {
        "genotype": "evonas.exporting.genotype",
        "onnx": "evonas.exporting.onnx",
        "pt2": "evonas.exporting.pt2",
        "safetensors": "evonas.exporting.safetensors",
    },
)

__all__ = ["Format", "formats"]
