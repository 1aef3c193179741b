"""Custom image folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from evonas.core.notices import notice
from evonas.data.classes import Images, printable, require_equal, require_images
from evonas.data.copies import copies
from evonas.data.decode import decode
from evonas.data.decoded import fits, kept, place_of, size_of
from evonas.data.layout import layout_of, located
from evonas.data.listing import Identity, LeftOut, class_directories, identity, images_below, plural
from evonas.data.source import SIDE, Source, pixel_statistics, sources
from spaces.errors import EvonasError

if TYPE_CHECKING:
    from torch import Tensor

TESTING = 0.2  # of the images, unless they are divided already
STATISTICS_SAMPLE = 5000  # images that mean and std are computed from, evenly spaced
MAX_NAMED = 3  # files that cannot be read


def _place(*names: str) -> float:
    """A number from 0 to 1, by the hash of the names."""
    from fitness import stable_hash

    return stable_hash(*map(ascii, names)) / 2**63


@sources.register("folder")
class Folder(Source):
    """One directory of images per class, inside ``train`` and ``test`` or, without these, directly.

    Without a test directory about a fifth of each class is for testing, see `divided`; `layout_of` has the names
    that are understood, `decode` what becomes of an image. A notice says what is used and what is left out. Raises
    `UsageError` for a path that holds no data set, `EvonasError` for one that cannot be used.
    """

    def __init__(self, rest: str, directory: Path, image_size: int | None) -> None:
        self.root = located(rest)
        self.image_size = image_size or SIDE
        layout, unused = layout_of(self.root)
        left_out = LeftOut()
        above = frozenset({identity(self.root)})
        if layout.train != self.root:
            class_directories(self.root, left_out)
        train = _listed(layout.train, left_out, above)
        if layout.test is None:
            require_images(layout.train, train)
            parts = {name: divided(layout.train / name, images) for name, images in train.items()}
            train, test = ({name: part[i] for name, part in parts.items()} for i in range(2))
        else:
            test = _listed(layout.test, left_out, above)
            require_equal(layout.train, set(train), layout.test, set(test))
            require_images(layout.train, train)
            require_images(layout.test, test)
        self.classes = tuple(map(printable, train))
        self._files = {"train": _labelled(train), "test": _labelled(test)}
        self._kept: dict[str, Tensor] = {}
        left_out.notes += unused
        topic, text = ("folder", str(self.root.absolute())), lambda: self._summary(rest, layout.note, left_out)
        notice(topic, text, left_out=bool(str(left_out)))

    def _summary(self, given: str, note: str, left_out: LeftOut) -> str:
        train, test = ([path for path, _ in self._files[split]] for split in ("train", "test"))
        counts = f"{len(train)} training and {plural(len(test), 'test image')}"
        text = f"folder:{given}: {len(self.classes)} classes, {counts}"
        text += f" ({note})" if note else ""
        animated = sum(path.suffix.lower() == ".gif" for path in (*train, *test))
        if animated:
            text += f"; first frame of {plural(animated, 'GIF file')}"
        same = copies(train, test)
        if same:
            text += (
                f"; WARNING: {plural(same, 'test image')} {'is' if same == 1 else 'are'} also in the training set"
            )
        return f"{text}; left out: {left_out}" if str(left_out) else text

    def labels(self, split: str) -> Tensor:
        import torch

        return torch.tensor([label for _, label in self._files[split]], dtype=torch.int64)

    def images(self, split: str, indices: Tensor | None = None) -> Tensor:
        import torch

        files = [path for path, _ in self._files[split]]
        if split in self._kept:
            return self._kept[split] if indices is None else self._kept[split][indices]
        if indices is None and self.mapped:
            return self._mapped(split, files)
        chosen = files if indices is None else [files[i] for i in indices.tolist()]
        images = torch.empty((len(chosen), 3, self.image_size, self.image_size), dtype=torch.uint8)
        for row, image in enumerate(_decoded(chosen, self.image_size)):
            images[row] = image
        return images

    @cached_property
    def mapped(self) -> bool:  # type: ignore[override]
        """Whether the images of both splits together do not fit in memory."""
        return not fits(sum(map(len, self._files.values())), self.image_size)

    def _mapped(self, split: str, files: list[Path]) -> Tensor:
        place, side = place_of(files, self.image_size), self.image_size
        amount = f"{size_of(len(files), side) / 1e9:.3g} GB"
        notice(
            ("decoded", place),
            lambda: (
                f"the {len(files)} {split} images do not fit in memory: {amount} are decoded once and mapped "
                f"from {place} (EVONAS_CACHE sets the directory)"
            ),
        )
        self._kept[split] = kept(place, len(files), side, lambda: _decoded(files, side))
        return self._kept[split]

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        import torch

        count = len(self._files["train"])
        indices = torch.linspace(0, count - 1, min(count, STATISTICS_SAMPLE)).long()
        return pixel_statistics(self.images("train", indices))


def divided(directory: Path, images: list[Path]) -> tuple[list[Path], list[Path]]:
    """The images of a class for training and for testing.

    For testing are those whose hash of class and file name, or of the path inside ``directory`` for one further
    below, is in the lowest fifth. So is the lowest of the class, that none goes untested; a single image is for
    training. Whatever is added to two images or more, none moves from training to testing. Raises `EvonasError` if
    none is for training.
    """
    if len(images) < 2:
        return images, []
    inside = len(str(directory)) + 1
    places = [_place(directory.name, str(path)[inside:].replace(os.sep, "/")) for path in images]
    up_to = max(TESTING, min(places))
    test = [path for path, place in zip(images, places, strict=True) if place <= up_to]
    if len(test) == len(images):
        raise EvonasError(
            f"by the hash of their names all {len(images)} images of {directory} are for testing; add "
            "images, or divide them into train and test directories"
        )
    return [path for path, place in zip(images, places, strict=True) if place > up_to], test


def _listed(directory: Path, left_out: LeftOut, above: frozenset[Identity]) -> Images:
    """The images below each class directory, in the order of the names."""
    names = class_directories(directory, left_out, above)
    above |= {identity(directory)}
    return {name: images_below(directory / name, left_out, above) for name in names}


def _labelled(images: Images) -> list[tuple[Path, int]]:
    return [(path, label) for label, paths in enumerate(images.values()) for path in paths]


def _decoded(files: list[Path], side: int) -> Iterator[Tensor]:
    """The images of ``files``, uint8 (3, side, side) each. Raises `EvonasError` about all that cannot be read."""
    errors = []
    for path in files:
        try:
            yield decode(path, side)
        except EvonasError as error:
            errors.append(error)
    if errors:
        _refuse(errors, len(files))


def _refuse(errors: list[EvonasError], count: int) -> NoReturn:
    if len(errors) == 1:
        raise errors[0]
    named = "; ".join(str(error) for error in errors[:MAX_NAMED])
    raise EvonasError(
        f"{len(errors)} of {count} images cannot be read: {named}"
        + (f"; and {len(errors) - MAX_NAMED} more" if len(errors) > MAX_NAMED else "")
    ) from errors[0]
