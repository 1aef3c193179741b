"""The classes of a folder: what their names and their images must be."""

from __future__ import annotations

import os
from pathlib import Path
from unicodedata import normalize

from evonas.data.decode import IMAGE_ENDINGS
from evonas.data.listing import LeftOut, entries, enumerated, images_below, plural
from spaces.errors import EvonasError

Images = dict[str, list[Path]]  # by class


def require_equal(train: Path, classes: set[str], test: Path, others: set[str]) -> None:
    """Raises `EvonasError` that lists how the classes for training and for testing differ."""
    missing, surplus = sorted(classes - others), sorted(others - classes)
    if not missing and not surplus:
        return
    parts = [f"only in {train}: {enumerated([repr(name) for name in missing])}"] if missing else []
    parts += [f"only in {test}: {enumerated([repr(name) for name in surplus])}"] if surplus else []
    alike = {_folded(name): name for name in missing}
    pairs = [f"{alike[_folded(name)]!a} and {name!a}" for name in surplus if _folded(name) in alike]
    hint = f"; {enumerated(pairs)} differ in spelling only: rename one" if pairs else ""
    raise EvonasError(f"{train} and {test} must have the same classes; {'; '.join(parts)}{hint}")


def _folded(name: str) -> str:
    """Equal for names that differ in case, in surrounding spaces or in how accents are composed."""
    return normalize("NFKC", name).casefold().strip()


def require_images(directory: Path, images: Images) -> None:
    """Raises `EvonasError` for classes without an image."""
    empty = [name for name, paths in images.items() if not paths]
    if not empty:
        return
    if len(empty) == len(images):
        raise EvonasError(f"no images found in {directory} (looked for {', '.join(IMAGE_ENDINGS)})")
    there = LeftOut()
    images_below(directory / empty[0], there)
    holds = f" ({directory / empty[0]} holds {there})" if str(there) else ""
    (name, *more) = (name for name in images if images[name])
    inner = [] if more else entries(directory / name, LeftOut()).directories
    hint = f"; if the classes are in {name}, give --dataset folder:{directory / name}" if len(inner) > 1 else ""
    raise EvonasError(
        f"{directory} holds {plural(len(empty), 'class')} of {len(images)} without an image: "
        f"{enumerated(empty)}{holds}. Add images, or remove the directory{hint}"
    )


def printable(name: str) -> str:
    """The name of a class as text; bytes that are not UTF-8 are written as ``\\xff``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
