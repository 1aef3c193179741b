"""All formats: whoever asks for one by its name imports them here, nobody else waits for it."""

from evonas.export import genotype, onnx, pt2, safetensors  # noqa: F401  (each registers itself)
from evonas.export.format import Format, formats

__all__ = ["Format", "formats"]
