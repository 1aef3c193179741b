"""The identity of a data set: the classes in order, and digests of images and labels for each split.

An image is what the network receives: decoded and resized. The same pixels in another file format, under another
file name or in another directory are therefore the same image; a file that was compressed again is another image.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

from spaces.errors import EvonasError

MAX_LISTED = 8  # names in a message
MAX_NAME_CHARS = 40
SHORT_DIGEST = 12  # characters
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class SplitIdentity:
    """The images of a split as SHA-256 digests."""

    count: int
    images: str  # of the images in any order
    labels: str  # of the images with their labels, in any order
    order: str  # of the images with their labels, in the order of the data set

    @classmethod
    def from_json(cls, values: Any) -> SplitIdentity:
        """The inverse of `as_json`. Raises `ValueError` if it is not that."""
        found = cls(**{field.name: values[field.name] for field in dataclasses.fields(cls)})
        digests = (found.images, found.labels, found.order)
        if type(found.count) is not int or found.count < 0:
            raise ValueError("the number of images is not a count")
        if not all(isinstance(digest, str) and _DIGEST.fullmatch(digest) for digest in digests):
            raise ValueError("a digest of the data is not 64 hexadecimal characters")
        return found

    @property
    def in_short(self) -> str:
        """The start of the digest of images and labels."""
        return self.labels[:SHORT_DIGEST]


@dataclass(frozen=True)
class DataIdentity:
    """The data set of a training."""

    classes: tuple[str, ...]  # in the order of the network's outputs
    image_size: int  # pixels
    train: SplitIdentity
    test: SplitIdentity

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {**dataclasses.asdict(self), "classes": list(self.classes)}

    @classmethod
    def from_json(cls, values: Any) -> DataIdentity:
        """The inverse of `as_json`. Raises `ValueError` if it is not that."""
        try:
            classes, side = values["classes"], values["image_size"]
            if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
                raise ValueError("the classes are not a list of names")
            if type(side) is not int or side < 1:
                raise ValueError("the image size is not a number of pixels")
            parts = {split: SplitIdentity.from_json(values[split]) for split in ("train", "test")}
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"the data of the training cannot be read: {error}") from None
        return cls(tuple(classes), side, **parts)

    @property
    def in_words(self) -> str:
        """One line: classes, numbers of images and the beginnings of their digests."""
        return (
            f"{len(self.classes)} classes ({listed(self.classes)}), {self.train.count} training images "
            f"{self.train.in_short}, {self.test.count} test images {self.test.in_short}"
        )


def shown(name: str) -> str:
    """The name of a class on one line, shortened and escaped."""
    cut = name if len(name) <= MAX_NAME_CHARS else name[: MAX_NAME_CHARS - 3] + "..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


def listed(names: Sequence[str]) -> str:
    """``cat, dog, fox``; a long list is shortened to ``cat, ... and 90 more``."""
    more = len(names) - MAX_LISTED
    return ", ".join(map(shown, names[:MAX_LISTED])) + (f" and {more} more" if more > 0 else "")


def require_classes(trained: Sequence[str], here: Sequence[str], what: str, where: str) -> None:
    """Raises `EvonasError` with both lists unless names, order and number of the classes are the same.

    ``what`` was trained on the classes ``trained``; ``where`` has the classes ``here``. The Unicode
    form of accents, which depends on the operating system, makes no difference.
    """
    if [normalize("NFC", name) for name in trained] == [normalize("NFC", name) for name in here]:
        return
    pairs = enumerate(zip(trained, here, strict=False))
    first = next((i for i, (one, other) in pairs if one != other), min(len(trained), len(here)))
    difference = ""
    if first >= MAX_LISTED:
        names = [shown(classes[first]) if first < len(classes) else "missing" for classes in (trained, here)]
        difference = f"; class {first} is {names[0]} there and {names[1]} here"
    order = " in another order" if sorted(trained) == sorted(here) else ""
    raise EvonasError(
        f"{what} was trained on {len(trained)} classes: {listed(trained)}. {where} has {len(here)} "
        f"classes{order}: {listed(here)}{difference}. The outputs of a network are classes by position, so names "
        "and order must be those of the training"
    )


def identity_of(facts: Mapping[str, Any]) -> DataIdentity | None:
    """The ``data`` of a header or an export; None in older versions. Raises `ValueError` if it is malformed."""
    return None if facts.get("data") is None else DataIdentity.from_json(facts["data"])


def data_in_words(result: Mapping[str, Any] | None) -> str:
    """Classes and digests of the data in the result of a training; empty if they are not known."""
    try:
        identity = identity_of(result or {})
    except ValueError:
        return ""
    return "" if identity is None else identity.in_words
