"""A trained network beside the data that are about to be used: the same, other images, or other labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from evonas.final.data_identity import listed, require_classes, shown
from spaces.errors import EvonasError

if TYPE_CHECKING:
    from evonas.final.known_images import KnownData, KnownImages

SAME, OTHER, UNCHECKED = "same", "other images", "unchecked"
MAX_CHARS = 200  # of what a file of results says of its images
MAX_EXAMPLES = 5  # labels in a message


@dataclass(frozen=True)
class Changes:
    """How the images of a split differ from those of the training; None where they are not known one by one."""

    here: int
    trained: int
    new: int | None = None
    gone: int | None = None
    learned: int | None = None  # here, though they were training images then

    @property
    def in_words(self) -> str:
        """``13 images, 12 at the training: 2 new, 1 missing``."""
        words = f"{self.here} images, {self.trained} at the training"
        if self.new is None or self.gone is None:
            return words
        words += f": {self.new} new, {self.gone} missing"
        return words + (f"; the network was trained on {self.learned} of them" if self.learned else "")


@dataclass(frozen=True)
class EvaluatedData:
    """What an evaluation measured on, as its JSON says."""

    status: str  # SAME, OTHER or UNCHECKED
    classes: tuple[str, ...]
    test: Mapping[str, Any]  # the identity of the split as JSON
    changes: Changes | None = None

    def as_json(self) -> dict[str, Any]:
        """What `remark` reads."""
        found: dict[str, Any] = {"status": self.status, "classes": list(self.classes), "test": dict(self.test)}
        if self.changes is not None:
            found["changes"] = self.changes.in_words
        return found


def remark(data: Any) -> str:
    """One line about the ``data`` of a file of results that are not those of the training; else nothing."""
    if not isinstance(data, Mapping) or data.get("status") == SAME:
        return ""
    if data.get("status") == UNCHECKED:
        return "the data could not be checked: the checkpoint does not say which data it was trained on"
    changes = "".join(c for c in str(data.get("changes", ""))[:MAX_CHARS] if c.isprintable())
    return f"measured on other images than the test images of the training ({changes})"


def unchecked(what: str) -> str:
    """The warning about a checkpoint of a version that did not keep the identity of its data."""
    return (
        f"{what} was written by an older version and does not say which data it was trained on, "
        "so classes, labels and images cannot be checked"
    )


def require_test(
    known: KnownData,
    classes: Sequence[str],
    testing: KnownImages,
    what: str,
    where: str,
    other_data: bool = False,
) -> EvaluatedData:
    """What an evaluation of ``what`` on the test images of ``where`` is measured on.

    Raises `EvonasError` for other classes and for images of the training with another label, and unless
    ``other_data`` for other images.
    """
    require_classes(known.identity.classes, classes, what, where)
    here, trained = testing.identity, known.identity.test
    if here.labels != trained.labels:
        _require_labels(known, testing, "test", here.images == trained.images, what, where)
    same = here.labels == trained.labels
    changes = None if same else _changes(known, testing, "test")
    if changes is not None and not other_data:
        raise EvonasError(
            f"the test images of {where} are not those of the training of {what}: {changes.in_words}."
            f"{_decoded(changes)} To evaluate on these images, add --other-data; the result then says so"
        )
    status = SAME if same else OTHER
    return EvaluatedData(status, tuple(classes), asdict(here), changes)


def require_training(known: KnownData, here: KnownData, what: str, where: str, way_out: str) -> None:
    """Raises `EvonasError` unless a training continues on the data, in the order, that it began with."""
    require_classes(known.identity.classes, here.identity.classes, what, where)
    for split, images in here.images.items():
        now, then = getattr(here.identity, split), getattr(known.identity, split)
        if now.labels != then.labels:
            _require_labels(known, images, split, now.images == then.images, what, where)
            named = "training" if split == "train" else "test"
            changes = _changes(known, images, split)
            raise EvonasError(
                f"the {named} images of {where} are not those that the training of {what} began with: "
                f"{changes.in_words}.{_decoded(changes)} A training continues on the same data: restore them, or "
                f"{way_out}"
            )
    if here.identity.train.order != known.identity.train.order:
        raise EvonasError(
            f"the training images of {where} are in another order than when the training of {what} began (files "
            f"were renamed), so that other images would be held out: restore their names, or {way_out}"
        )


def _require_labels(
    known: KnownData, images: KnownImages, split: str, same_images: bool, what: str, where: str
) -> None:
    """Raises `EvonasError` if images of the training, of either split, have another label now."""
    labels: dict[int, set[int]] = {}
    for part in known.images.values():
        for code, label in zip(part.codes.tolist(), part.labels.tolist(), strict=True):
            labels.setdefault(code, set()).add(label)
    changed = [
        (min(labels[code]), label)
        for code, label in zip(images.codes.tolist(), images.labels.tolist(), strict=True)
        if code in labels and label not in labels[code]
    ]
    if not changed and not same_images:
        return
    names = known.identity.classes
    named = "training" if split == "train" else "test"
    lists = f"the classes are {listed(names)} in both"
    if changed:
        then, now = (_labels([pair[i] for pair in changed], names) for i in (0, 1))
        lists = f"at the training {then}; here {now}"
    count = f"{len(changed)} of the {len(images.codes)}" if changed else "some of the"
    raise EvonasError(
        f"{count} {named} images of {where} have other labels than when {what} was trained: {lists}. Restore the "
        "labels, or train again with these"
    )


def _labels(labels: Sequence[int], names: Sequence[str]) -> str:
    texts = [shown(names[label]) if 0 <= label < len(names) else str(label) for label in labels[:MAX_EXAMPLES]]
    return ", ".join(texts) + ("" if len(labels) <= MAX_EXAMPLES else ", ...")


def _changes(known: KnownData, images: KnownImages, split: str) -> Changes:
    numbers = len(images.codes), getattr(known.identity, split).count
    if split not in known.images:
        return Changes(*numbers)
    then, now = known.images[split].counts, images.counts
    new, gone = now - then, then - now
    learned: Counter[int] = Counter()
    if split == "test" and "train" in known.images:
        training = known.images["train"].counts
        learned = Counter({code: count for code, count in now.items() if code in training and code not in then})
    return Changes(*numbers, new.total(), gone.total(), learned.total())


def _decoded(changes: Changes) -> str:
    """A hint where not one image is known though their number is the same."""
    if changes.new == changes.here == changes.trained:
        return (
            " If the files are the same, then they are decoded differently here: use the versions of Pillow and "
            "torchvision of the training."
        )
    return ""
