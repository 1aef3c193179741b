"""Image files of 4 x 4 pixels that are known by hand, byte by byte where Pillow cannot write them.

Every row is the same.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

SIDE = 4


def netpbm(magic: str, maxval: int, row: Sequence[int]) -> bytes:
    """A PGM (P2, P5) or PPM (P3, P6); the first of each are text."""
    header = f"{magic}\n{SIDE} {SIDE}\n{maxval}\n".encode()
    if magic in ("P2", "P3"):
        return header + " ".join(map(str, list(row) * SIDE)).encode()
    return header + struct.pack(f">{len(row)}{'H' if maxval > 255 else 'B'}", *row) * SIDE


def png(depth: int, colour: int, row: bytes, transparent: bytes = b"") -> bytes:
    """A PNG; ``colour`` is 0 for grey, 2 for RGB, 4 for grey with alpha, ``transparent`` the colour that is."""
    key = _chunk(b"tRNS", transparent) if transparent else b""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, depth, colour, 0, 0, 0))
    data = _chunk(b"IDAT", zlib.compress((b"\0" + row) * SIDE)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + key + data


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def tiff(bits: int, photometric: int, row: bytes, order: str = "<", orientation: int = 1) -> bytes:
    """An uncompressed TIFF; ``photometric`` is 0 where 0 is white, 1 where 0 is black, 2 for RGB."""
    samples = 3 if photometric == 2 else 1
    tags = {256: SIDE, 257: SIDE, 259: 1, 262: photometric, 274: orientation, 277: samples, 278: SIDE}
    tags[279] = SIDE * len(row)
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    entries = {tag: struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags.items()}
    entries[273] = struct.pack(order + "HHII", 273, 4, 1, start + 6)
    if samples == 1:
        entries[258] = struct.pack(order + "HHIHH", 258, 3, 1, bits, 0)
    else:
        entries[258] = struct.pack(order + "HHII", 258, 3, samples, start)
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries))
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    return head + directory + bytes(4) + struct.pack(order + "3H", bits, bits, bits) + row * SIDE
