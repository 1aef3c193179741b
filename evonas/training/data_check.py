"""Compares the data of a training with the data about to be used: the same, other images, or other labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from evonas.training.data_identity import listed, require_classes, shown
from spaces.errors import EvonasError

if TYPE_CHECKING:
    from evonas.training.known_images import KnownData, KnownImages

SAME, OTHER, UNCHECKED = "same", "other images", "unchecked"
MAX_CHARS = 200  # of what a file of results says of its images
MAX_EXAMPLES = 5  # labels in a message


@dataclass(frozen=True)
class Changes:
    """How the images of a split differ from those of the training; None if single images are not known."""

    here: int
    trained: int
    new: int | None = None
    gone: int | None = None
    learned: int | None = None  # test images now that were training images

    @property
    def in_words(self) -> str:
        """``13 images, 12 at the training: 2 new, 1 missing``."""
        words = f"{self.here} images, {self.trained} at the training"
        if self.new is None or self.gone is None:
            return words
        words += f": {self.new} new, {self.gone} missing"
        return words + (
            f"; {self.learned} of them are images that the network was trained on" if self.learned else ""
        )


@dataclass(frozen=True)
class EvaluatedData:
    """The test images of an evaluation."""

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
    """One line if the ``data`` of a file of results are not those of the training; otherwise empty."""
    if not isinstance(data, Mapping) or data.get("status") == SAME:
        return ""
    if data.get("status") == UNCHECKED:
        return "data not checked: the checkpoint, of an older version, does not record the data of its training"
    changes = "".join(c for c in str(data.get("changes", ""))[:MAX_CHARS] if c.isprintable())
    return f"evaluated on other data than the test images of the training ({changes})"


def unchecked(what: str) -> str:
    """The warning about a checkpoint that does not record its data."""
    return (
        f"{what} was written by an older version and does not record the data of its training; "
        "classes, labels and images cannot be checked"
    )


def require_test(
    known: KnownData,
    classes: Sequence[str],
    testing: KnownImages,
    what: str,
    where: str,
    other_data: bool = False,
) -> EvaluatedData:
    """The test images of ``where`` for an evaluation of the checkpoint ``what``.

    Raises `EvonasError` if the classes differ or images of the training have another label, and, without
    ``other_data``, if the images differ.
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
            f"{_decoded(changes)} To evaluate on these images, add --other-data; the results then say so"
        )
    status = SAME if same else OTHER
    return EvaluatedData(status, tuple(classes), asdict(here), changes)


def require_training(known: KnownData, here: KnownData, what: str, where: str, way_out: str) -> None:
    """Raises `EvonasError` unless a training resumes on the same images in the same order."""
    require_classes(known.identity.classes, here.identity.classes, what, where)
    for split, images in here.images.items():
        now, then = getattr(here.identity, split), getattr(known.identity, split)
        if now.labels != then.labels:
            _require_labels(known, images, split, now.images == then.images, what, where)
            named = "training" if split == "train" else "test"
            changes = _changes(known, images, split)
            raise EvonasError(
                f"the {named} images of {where} are not those of the training of {what}: {changes.in_words}."
                f"{_decoded(changes)} A training is resumed on the same data only: restore them, or {way_out}"
            )
    if here.identity.train.order != known.identity.train.order:
        raise EvonasError(
            f"the training images of {where} are in another order than in the training of {what} (files were "
            f"renamed), so other images would be used for validation: restore their names, or {way_out}"
        )


def _require_labels(
    known: KnownData, images: KnownImages, split: str, same_images: bool, what: str, where: str
) -> None:
    """Raises `EvonasError` if images of the training, of any split, have another label now."""
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
        then, now = (_labels([(pair[i], n) for pair, n in Counter(changed).most_common()], names) for i in (0, 1))
        lists = f"at the training {then}; here {now}"
    count = f"{len(changed)} of the {len(images.codes)}" if changed else "some of the"
    raise EvonasError(
        f"{count} {named} images of {where} have other labels than in the training of {what}: {lists}. "
        "Restore the labels, or train again"
    )


def _labels(labels: Sequence[tuple[int, int]], names: Sequence[str]) -> str:
    """``3 dog, 1 cat``; a long list is shortened."""
    known = range(len(names))
    texts = [f"{n} {shown(names[label]) if label in known else label}" for label, n in labels[:MAX_EXAMPLES]]
    more = len(labels) - MAX_EXAMPLES
    return ", ".join(texts) + (f" and {more} more" if more > 0 else "")


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
    """A hint if no image is known although their number is the same."""
    if changes.new == changes.here == changes.trained:
        return (
            " If the files have not changed, they are decoded differently: use the Pillow and torchvision "
            "versions of the training."
        )
    return ""
