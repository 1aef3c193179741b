"""Writes a trained network in every format, each checked against the network first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from evonas.core.atomic_files import make_directory, replace, replace_text
from evonas.core.events import Message, Observer, Warned, unwatched
from evonas.exporting.card import FILE, card
from evonas.exporting.eval_results import FILE as RESULTS
from evonas.exporting.eval_results import Benchmark, eval_results
from evonas.exporting.format import Format
from evonas.exporting.formats import formats
from evonas.exporting.subject import Subject, subject_of
from evonas.exporting.target import exported_from, member_of
from evonas.training.paths import DIRECTORY
from spaces.errors import EvonasError, UsageError

BATCHES = (1, 7)  # batch sizes of the check
TOLERANCE = 1e-4  # largest difference of a logit


@dataclass(frozen=True)
class ExportedFile:
    """One file, and the largest difference of its logits from those of the network."""

    format: str
    path: Path
    bytes: int
    seconds: float  # to write and check it
    difference: dict[int, float]  # by the number of images


@dataclass(frozen=True)
class Export:
    """The files of an export, the model card, and the skipped formats with the reason."""

    checkpoint: Path
    genotype: str
    files: tuple[ExportedFile, ...]
    card: Path
    left_out: dict[str, str]
    notes: tuple[str, ...] = ()  # about the data set

    def as_json(self) -> dict[str, Any]:
        """The JSON object that ``evonas export --json`` prints."""
        files = [{**asdict(file), "path": str(file.path)} for file in self.files]
        found = {"checkpoint": str(self.checkpoint), "genotype": self.genotype, "tolerance": TOLERANCE}
        return found | {
            "files": files,
            "card": str(self.card),
            "left_out": self.left_out,
            "notes": list(self.notes),
        }


def export(
    target: Path,
    names: Sequence[str] | None = None,
    out: Path | None = None,
    observer: Observer | None = None,
    other_data: bool = False,
    pick: str | None = None,
    benchmarks: Sequence[Benchmark] = (),
) -> Export:
    """Write the trained network at ``target`` in the formats ``names``, by default in all installed ones.

    ``pick`` names a member of the front of a run; ``benchmarks`` are written as results for a hub. Raises
    `UsageError` for a run without a trained network, for an accuracy that was not evaluated and for an unknown
    format, `EvonasError` for a format whose packages are missing, for one whose logits differ from the network,
    and for a data set with other classes or labels or, without ``other_data``, other test images than at the
    training. No file is written then.
    """
    observer = unwatched if observer is None else observer
    chosen, left_out = _choose(names)
    place = exported_from(target) if pick is None else member_of(target, pick)
    subject = subject_of(place, other_data)
    if subject.evaluation.note:
        observer(Message(subject.evaluation.note))
    for text in subject.notes:
        observer(Warned(text))
    results = eval_results(benchmarks, subject.evaluation.content) if benchmarks else None
    directory = out or _directory(target, place.checkpoint)
    make_directory(directory)
    files = []
    for format in chosen:
        files.append(_write(format, subject, directory))
        apart = max(files[-1].difference.values())
        observer(Message(f"{format.name}: {files[-1].path}, logits differ by at most {apart:.2g}"))
    for reason in left_out.values():
        observer(Message(f"skipped: {reason}"))
    replace_text(directory / FILE, card(subject, chosen), own=False)
    if results is not None:
        make_directory(directory / RESULTS.parent)
        replace_text(directory / RESULTS, results, own=False)
    return Export(
        place.checkpoint, subject.facts["genotype"], tuple(files), directory / FILE, left_out, subject.notes
    )


def _directory(target: Path, trained: Path) -> Path:
    """Where the files go by default: into a run, for its former training into that, else next to the weights."""
    if not target.is_dir() or trained.parent == target:
        return trained.with_suffix(".export")
    return (target if trained.parent.name == DIRECTORY else trained.parent) / "export"


def _choose(names: Sequence[str] | None) -> tuple[list[Format], dict[str, str]]:
    """The formats to write, and the skipped formats with the reason if no names are given."""
    if names is None:
        everything = [formats[name] for name in formats]
        return [one for one in everything if not one.missing], {
            one.name: one.advice for one in everything if one.missing
        }
    chosen = [formats[name] for name in dict.fromkeys(names)]
    if not chosen:
        raise UsageError(f"--format needs at least one name: {', '.join(formats)}")
    for one in chosen:
        one.require()
    return chosen, {}


def _write(format: Format, subject: Subject, directory: Path) -> ExportedFile:
    started = time.perf_counter()
    content = format.encode(subject)
    network = format.decode(content, subject)
    difference = {}
    for count in BATCHES:
        images = subject.images(count)
        with torch.no_grad():
            difference[count] = (network(images) - subject.logits(images)).abs().max().item()
        if not difference[count] <= TOLERANCE:  # also false for nan
            raise EvonasError(
                f"{format.name} was not written: at batch size {count} its logits differ from the network by "
                f"{difference[count]:.3g}, more than {TOLERANCE:g}"
            )
    path = directory / format.file
    replace(path, content, own=False)
    return ExportedFile(format.name, path, len(content), time.perf_counter() - started, difference)
