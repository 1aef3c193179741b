"""One row for each evaluated image: what is predicted for it, clean, under each attack and each corruption."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.core.arguments import one_of
from evonas.core.atomic_files import replace_text
from evonas.evaluation.journal import Json
from evonas.evaluation.result import Evaluation
from spaces.errors import EvonasError, UsageError, shown

if TYPE_CHECKING:
    from torch import Tensor

    from evonas.evaluation.subject import Subject

ENDINGS = (".csv", ".jsonl")
_AGAIN = "the evaluation is saved; repeat the command with another file"


@dataclass(frozen=True)
class AttackedImage:
    """The predicted class under an attack, and whether it made a correct prediction wrong (None: not tried)."""

    attack: str
    epsilon: float  # in 1/255
    predicted: int | None
    success: bool | None


@dataclass(frozen=True)
class Image:
    """What is predicted for one image; None stands for logits that are not finite."""

    index: int  # its position in the test set
    label: int
    predicted: int | None
    attacks: tuple[AttackedImage, ...]
    corruptions: tuple[tuple[str, int, int | None], ...]  # name, severity and predicted class
    radii: tuple[tuple[str, float], ...]  # certificate and certified radius in 1/255

    def as_json(self) -> dict[str, Json]:
        """The object of a line of JSON."""
        corrupted = [
            {"corruption": name, "severity": severity, "predicted": predicted}
            for name, severity, predicted in self.corruptions
        ]
        return {
            "index": self.index,
            "label": self.label,
            "predicted": self.predicted,
            "attacks": [vars(one) for one in self.attacks],
            "corruptions": corrupted,
            "certificates": [{"certificate": name, "radius": radius} for name, radius in self.radii],
        }

    def as_row(self) -> dict[str, Json]:
        """The cells of a row of CSV by column; ``success`` is 1 or 0."""
        row: dict[str, Json] = {"index": self.index, "label": self.label, "clean.predicted": self.predicted}
        for one in self.attacks:
            column = f"{one.attack}@Linf.eps{one.epsilon:g}"
            row[f"{column}.predicted"] = one.predicted
            row[f"{column}.success"] = None if one.success is None else int(one.success)
        row |= {f"{name}.s{severity}.predicted": found for name, severity, found in self.corruptions}
        return row | {f"{name}.radius": radius for name, radius in self.radii}


def require_file(path: Path) -> None:
    """Raises `UsageError` unless ``path`` can be a CSV or JSON Lines file: its ending, and its directory."""
    if not path.suffix:
        raise UsageError(f"--per-image takes a file that ends in {' or '.join(ENDINGS)}, not {shown(str(path))}")
    one_of(path.suffix, "--per-image ending", ENDINGS)
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError(
            f"--per-image cannot write {shown(str(path))}: it needs a file in a directory that exists"
        )


def images(evaluation: Evaluation, subject: Subject, places: Tensor) -> Iterator[Image]:
    """A row for each image of ``subject``, which keeps predictions; ``places``, int64 (N,), are its positions."""
    clean, labels = subject.predicted.tolist(), subject.labels.tolist()
    attacked = [
        (name, epsilon, _kept(evaluation.attacks[name][epsilon].predicted, name))
        for epsilon in evaluation.epsilons
        for name in evaluation.attacks
    ]
    table = evaluation.corruptions
    corrupted = [(*cell, found.tolist()) for cell, found in table.predicted.items()] if table else []
    radii = [(name, one.radii) for name, one in evaluation.certified.items()]
    for i, (place, label, predicted) in enumerate(zip(places.tolist(), labels, clean, strict=True)):
        yield Image(
            place,
            label,
            _class(predicted),
            tuple(
                AttackedImage(name, epsilon, _class(found[i]), None if predicted != label else found[i] != label)
                for name, epsilon, found in attacked
            ),
            tuple((name, severity, _class(found[i])) for name, severity, found in corrupted),
            tuple((name, found[i]) for name, found in radii),
        )


def write(path: Path, rows: Iterator[Image]) -> None:
    """Replace ``path`` atomically, as CSV or JSON Lines by its ending. Raises `EvonasError` if that fails."""
    if path.suffix == ".jsonl":
        text = "".join(json.dumps(row.as_json()) + "\n" for row in rows)
    else:
        cells = [row.as_row() for row in rows]
        stream = io.StringIO()
        writer = csv.DictWriter(stream, list(cells[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(cells)
        text = stream.getvalue()
    replace_text(path, text, _AGAIN, own=False)


def _kept(predicted: Tensor | None, name: str) -> list[int]:
    if predicted is None:
        raise EvonasError(f"--per-image: the attack {name} has no predictions by image")
    return [int(one) for one in predicted.tolist()]


def _class(predicted: int) -> int | None:
    return None if predicted < 0 else predicted
