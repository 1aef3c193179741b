"""A trained network in the formats of others: one format a file, over one shared write and check."""

from evonas.export import genotype, onnx, pt2, safetensors  # noqa: F401  (each registers itself)
from evonas.export.format import Format, formats

__all__ = ["Format", "formats"]
