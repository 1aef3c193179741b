"""All formats: whoever asks for one by its name imports them here, nobody else waits for it."""

from evonas.exporting import genotype, onnx, pt2, safetensors  # noqa: F401  (each registers itself)
from evonas.exporting.format import Format, formats

__all__ = ["Format", "formats"]
