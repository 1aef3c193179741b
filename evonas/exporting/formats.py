"""Imports all formats; imported only where formats are looked up by name."""

from evonas.exporting import genotype, onnx, pt2, safetensors  # noqa: F401  (each registers itself)
from evonas.exporting.format import Format, formats

__all__ = ["Format", "formats"]
