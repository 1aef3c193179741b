"""An image file as pixels: upright, 8-bit RGB, resized and cropped."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from spaces.errors import EvonasError, shorten

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

IMAGE_ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # no other formats, whatever the suffix
MAX_PIXELS = 2**26
ORIENTATION = 0x0112  # EXIF and TIFF tag
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # TIFF tag

logging.getLogger("PIL").addHandler(logging.NullHandler())  # without one, its complaints go to standard error


def decode(path: Path, side: int) -> Tensor:
    """uint8 (3, side, side): the shorter side is resized to ``side``, the centre of the longer one is kept.

    EXIF orientation is applied, transparent pixels are laid on white, 12 and 16 bits are scaled to 8. Of an
    animation the first frame is read. Raises `EvonasError` naming the file.
    """
    from torchvision.transforms import functional as F

    try:
        if not path.is_file():  # a cycle of links, or a pipe without a writer
            raise EvonasError(f"{path} is not a file{_broken_link(path)}")
        with warnings.catch_warnings(action="ignore"):  # about tags unrelated to the pixels
            resized = _resized(path, side)
    except EvonasError:
        raise
    except Exception as error:  # decoders raise anything on invalid data
        raise EvonasError(f"{path} cannot be read as an image: {_reason(path, error)}") from error
    return F.center_crop(resized, [side, side])


def _resized(path: Path, side: int) -> Tensor:
    """uint8 (3, H, W), the shorter of H and W is ``side``."""
    from PIL import Image
    from torchvision.transforms import functional as F

    with Image.open(path, formats=FORMATS) as image:
        _require_room(*image.size, side)
        stored_as = str(image.tile[0][3]) if image.tile else ""  # the image forgets it when it is loaded
        image.load()  # which turns a TIFF upright
        pixels, turn = _rgb(image, stored_as), _turn(image)
        pixels = pixels if turn is None else pixels.transpose(turn)
        return F.resize(F.pil_to_tensor(pixels), [side], antialias=True)


def _require_room(width: int, height: int, side: int) -> None:
    """A small file may contain a huge image, or one so narrow that resizing makes it huge."""
    shorter, longer = sorted((width, height))
    if width * height > MAX_PIXELS or side**2 * longer > MAX_PIXELS * max(1, shorter):
        raise ValueError(f"{width} x {height} pixels; at most {MAX_PIXELS} pixels are allowed")


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What turns a loaded image upright, by its EXIF orientation; damaged EXIF data is ignored."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        return turns.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # parsers raise anything on invalid data; the pixels are intact
        return None


def _rgb(image: Image.Image, stored_as: str = "") -> Image.Image:
    """A loaded image in 8-bit RGB; ``stored_as`` is how Pillow unpacks its pixels, such as ``RGB;16B``."""
    from PIL import Image

    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return _deep_grey(image, stored_as)
    if image.mode in ("I", "F"):
        raise ValueError(f"it has 32 bits per pixel (mode {image.mode}); save it with 8 or 16")
    if image.has_transparency_data:
        key = image.info.get("transparency")
        if isinstance(key, tuple) and ";16" in stored_as:  # a colour of 16 bits, of an image that has 8 by now
            image.info["transparency"] = tuple(channel >> 8 for channel in key)
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _deep_grey(image: Image.Image, stored_as: str) -> Image.Image:
    """Grey of 12 or 16 bits: black to black, the largest value to white."""
    import numpy as np
    from PIL import Image

    values = np.arange(2**16)
    if "I;12" in stored_as:
        levels = (values * 255 + 2047).clip(max=255 * 4095) // 4095
    elif image.mode == "I":  # a PGM, which Pillow has scaled to 16 bits
        levels = (values * 255 + 32767) // 65535
    else:
        levels = values // 257
    if getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO:  # Pillow inverts 8 bits only
        levels = 255 - levels
    if image.format == "PNG" and "transparency" in image.info:
        levels[image.info["transparency"]] = 255
    return Image.fromarray(levels.astype(np.uint8)[np.asarray(image).astype(np.uint16)]).convert("RGB")


def _broken_link(path: Path) -> str:
    return f" (broken link to {path.readlink()})" if path.is_symlink() else ""


def _reason(path: Path, error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        with path.open("rb") as file:
            return _content(file.read(64))
    return shorten(" ".join(str(error).split()) or type(error).__name__, 200)


def _content(head: bytes) -> str:
    """What a file that holds no image begins with."""
    if not head:
        return "the file is empty"
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS; `git lfs pull` fetches the image"
    if head[4:8] == b"ftyp":
        return "it holds HEIC or AVIF data, whatever its name says; convert it to JPEG or PNG"
    return f"it is not valid {', '.join(FORMATS[:-1])} or PPM"
