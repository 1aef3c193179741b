"""JPEG at low quality."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from evonas.final.corruptions.base import register
from evonas.final.corruptions.draws import Draws


@register("jpeg_compression", "digital", (80, 65, 58, 50, 40))
def jpeg_compression(images: Tensor, quality: int, draws: Draws) -> Tensor:
    """JPEG of quality c and back by Pillow, image by image on the CPU."""
    pixels = images.permute(0, 2, 3, 1).contiguous().cpu().numpy()  # (N, H, W, 3)
    out = np.empty_like(pixels)
    for position, image in enumerate(pixels):
        file = BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        out[position] = np.asarray(Image.open(file))
    return torch.from_numpy(out).to(images.device).permute(0, 3, 1, 2)
