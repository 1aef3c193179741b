"""Pixels of image files as people have them, against values computed by hand."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evonas import EvonasError
from evonas.data import source
from tests.evonas.data.files import netpbm, png, tiff

Levels = list[int]
Grid = np.ndarray  # uint8 (4, 4, 3)

DEEP = (0, 257, 25_700, 65_535)  # 16 bits
SHALLOW = [0, 1, 100, 255]  # the same in 8


def read(root: Path, name: str, content: bytes) -> Grid:
    """What a training sees of a file that is the only image of its class."""
    for directory in ("first", "second"):
        (root / directory).mkdir(exist_ok=True)
    (root / "first" / name).write_bytes(content)
    Image.new("RGB", (4, 4)).save(root / "second" / "black.png")
    return source(f"folder:{root}", image_size=4).images("train")[0].permute(1, 2, 0).numpy()


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def grey(*levels: int) -> Image.Image:
    return Image.fromarray(np.array([levels] * 4, dtype=np.uint8))


def half_transparent() -> Image.Image:
    """The left half is transparent."""
    image = Image.new("RGBA", (4, 4), (200, 200, 200, 255))
    image.paste((0, 0, 0, 0), (0, 0, 2, 4))
    return image


def packed(order: str, *values: int) -> bytes:
    return struct.pack(f"{order}{len(values)}H", *values)


TRIPLES = [value for value in DEEP for _ in range(3)]
ON_WHITE = [255, 255, 200, 200]
GREY_FILES: dict[str, tuple[bytes, Levels]] = {
    "deep.pgm": (netpbm("P5", 65_535, DEEP), SHALLOW),
    "ten-bits.pgm": (netpbm("P5", 1023, (0, 4, 512, 1023)), [0, 1, 128, 255]),  # 255 v / 1023, rounded
    "text.pgm": (netpbm("P2", 4095, (0, 16, 1606, 4095)), [0, 1, 100, 255]),  # 255 v / 4095
    "few.pgm": (netpbm("P5", 15, (0, 1, 7, 15)), [0, 17, 119, 255]),
    "deep.pnm": (netpbm("P6", 65_535, TRIPLES), SHALLOW),
    "deep.ppm": (netpbm("P6", 1023, [v for v in (0, 4, 512, 1023) for _ in range(3)]), [0, 1, 128, 255]),
    "text.ppm": (netpbm("P3", 255, [v for v in SHALLOW for _ in range(3)]), SHALLOW),
    "text.pbm": (b"P1\n4 4\n" + b"0 1 1 0\n" * 4, [255, 0, 0, 255]),  # 1 is black
    "bits.pbm": (b"P4\n4 4\n" + b"\x60" * 4, [255, 0, 0, 255]),
    "deep.png": (png(16, 0, packed(">", *DEEP)), SHALLOW),
    "deep-rgb.png": (png(16, 2, packed(">", *TRIPLES)), SHALLOW),
    "deep-alpha.png": (png(16, 4, packed(">", 0, 0, 0, 0, 51_400, 65_535, 51_400, 65_535)), ON_WHITE),
    "deep-key.png": (png(16, 0, packed(">", 300, 300, 51_400, 51_400), packed(">", 300)), ON_WHITE),
    "deep-rgb-key.png": (
        png(16, 2, packed(">", *[0x1234] * 6, *[51_400] * 6), packed(">", *[0x1234] * 3)),
        ON_WHITE,
    ),
    "one-bit.png": (png(1, 0, b"\x60"), [0, 255, 255, 0]),
    "two-bits.png": (png(2, 0, b"\x1b"), [0, 85, 170, 255]),
    "little.tif": (tiff(16, 1, packed("<", *DEEP)), SHALLOW),
    "big.tif": (tiff(16, 1, packed(">", *DEEP), ">"), SHALLOW),
    "negative.tif": (tiff(16, 0, packed("<", *DEEP)), [255, 254, 155, 0]),  # 0 is white
    "negative8.tif": (tiff(8, 0, bytes(SHALLOW)), [255, 254, 155, 0]),
    "deep-rgb.tiff": (tiff(16, 2, packed("<", *TRIPLES)), SHALLOW),
    "deep-rgb-big.tiff": (tiff(16, 2, packed(">", *TRIPLES), ">"), SHALLOW),
    "twelve.tif": (tiff(12, 1, bytes([0x00, 0x00, 0x10, 0x64, 0x6F, 0xFF])), SHALLOW),  # 0 16 1606 4095
    "UPPER.PNG": (saved(grey(*SHALLOW), "PNG"), SHALLOW),
    "UPPER.TIF": (saved(grey(*SHALLOW), "TIFF"), SHALLOW),
    "first.gif": (saved(grey(*SHALLOW), "GIF", save_all=True, append_images=[grey(9, 9, 9, 9)]), SHALLOW),
    "first.webp": (
        saved(
            grey(*SHALLOW).convert("RGB"), "WEBP", lossless=True, save_all=True, append_images=[grey(9, 9, 9, 9)]
        ),
        SHALLOW,
    ),
    "camera.jfif": (saved(grey(80, 80, 80, 80), "JPEG"), [80] * 4),
    "rgba.png": (saved(half_transparent(), "PNG"), ON_WHITE),
    "la.png": (saved(half_transparent().convert("LA"), "PNG"), ON_WHITE),
    "palette.png": (saved(half_transparent().convert("P"), "PNG"), ON_WHITE),
    "palette.gif": (saved(half_transparent(), "GIF"), ON_WHITE),
    "rgba.webp": (saved(half_transparent(), "WEBP", lossless=True), ON_WHITE),
    "rgba.tif": (saved(half_transparent(), "TIFF"), ON_WHITE),
}


@pytest.mark.parametrize("name", GREY_FILES)
def test_grey_levels_are_those_that_the_file_means(tmp_path: Path, name: str) -> None:
    content, levels = GREY_FILES[name]
    pixels = read(tmp_path, name, content)
    assert pixels.tolist() == [[[level] * 3 for level in levels]] * 4


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_read_as_printed(tmp_path: Path, kind: str) -> None:
    """Full cyan lets green and blue through; a JPEG of Photoshop stores the inverse."""
    options = {"quality": 100} if kind == "JPEG" else {}
    pixels = read(tmp_path, f"a.{kind.lower()}", saved(Image.new("CMYK", (4, 4), (255, 0, 0, 0)), kind, **options))
    assert (pixels == [0, 255, 255]).all()


SIDES = {  # of the picture that the first stored row and the first stored column are, by EXIF orientation
    **{1: ("top", "left"), 2: ("top", "right"), 3: ("bottom", "right"), 4: ("bottom", "left")},
    **{5: ("left", "top"), 6: ("right", "top"), 7: ("right", "bottom"), 8: ("left", "bottom")},
}
PICTURE = np.arange(10, 170, 10, dtype=np.uint8).reshape(4, 4)  # no two pixels are equal


def stored(orientation: int) -> np.ndarray:
    """`PICTURE` as a camera that was held so writes it."""
    row_side, column_side = SIDES[orientation]
    pixels = np.empty_like(PICTURE)
    for row in range(4):
        for column in range(4):
            along_rows = row if row_side in ("top", "left") else 3 - row
            along_columns = column if column_side in ("top", "left") else 3 - column
            upright = row_side in ("top", "bottom")
            y, x = (along_rows, along_columns) if upright else (along_columns, along_rows)
            pixels[row, column] = PICTURE[y, x]
    return pixels


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("orientation", SIDES)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_images_are_turned_upright_once(tmp_path: Path, kind: str, orientation: int) -> None:
    options: dict[str, Any] = {"WEBP": {"lossless": True, "exact": True}}.get(kind, {})
    image = Image.fromarray(stored(orientation)).convert("RGB")
    pixels = read(tmp_path, f"a.{kind.lower()}", saved(image, kind, exif=oriented(orientation), **options))
    assert (pixels[..., 0] == PICTURE).all()


def test_a_photo_of_a_turned_camera_is_upright(tmp_path: Path) -> None:
    """Left half dark, right half light, as stored; the camera was held so that the left side is up."""
    image = Image.fromarray(np.repeat(np.array([[20, 220]], np.uint8), 32, axis=1).repeat(64, axis=0))
    pixels = read(tmp_path, "a.jpg", saved(image, "JPEG", quality=95, exif=oriented(6)))
    assert (pixels[:2] < 60).all() and (pixels[2:] > 180).all()


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\xff\xff", b"Exif\0\0II*\0" + b"\xff" * 40])
def test_exif_data_that_is_damaged_is_ignored(tmp_path: Path, exif: bytes) -> None:
    pixels = read(tmp_path, "a.jpg", saved(grey(90, 90, 90, 90), "JPEG", exif=exif))
    assert (pixels == 90).all()


UNREADABLE = {
    "empty.png": (b"", "the file is empty"),
    "text.jpg": (b"<html>not found</html>", "not valid PNG, JPEG, BMP, GIF, WEBP, TIFF or PPM"),
    "phone.jpg": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC or AVIF"),
    "lfs.png": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
    "cut.png": (saved(grey(*SHALLOW), "PNG")[:-30], "cut.png cannot be read as an image"),
    "cut.jpg": (saved(grey(*SHALLOW).resize((64, 64)), "JPEG")[:-300], "cut.jpg cannot be read as an image"),
    "cut.gif": (saved(grey(*SHALLOW).resize((64, 64)), "GIF")[:-300], "cut.gif cannot be read as an image"),
    "cut.pgm": (netpbm("P5", 65_535, DEEP)[:-5], "cut.pgm cannot be read as an image"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_is_no_image_is_named_with_the_reason(tmp_path: Path, name: str) -> None:
    content, reason = UNREADABLE[name]
    with pytest.raises(EvonasError, match=reason) as caught:
        read(tmp_path, name, content)
    assert name in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_all_files_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    for directory in ("train/first", "train/second", "test/first", "test/second"):
        (tmp_path / directory).mkdir(parents=True)
        (tmp_path / directory / "good.png").write_bytes(saved(grey(*SHALLOW), "PNG"))
    for i in range(5):
        (tmp_path / "train" / "first" / f"{i}.png").write_bytes(b"damaged")
    with pytest.raises(EvonasError, match=r"5 of 7 images cannot be read: .*0\.png.*2\.png.*; and 2 more"):
        source(f"folder:{tmp_path}").images("train")
