"""The file of randomised smoothing that the literature exchanges, one line for each image."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from evonas.core.atomic_files import replace_text
from evonas.evaluation.certificates.smoothed import Smoothed

HEADER = "idx\tlabel\tpredict\tradius\tcorrect\ttime"


def path_for(path: Path, key: str) -> Path:
    """``path``, or for ``smoothing@0.25``, one of several, ``path`` with -0.25 before its ending."""
    _, _, sigma = key.partition("@")
    return path.with_stem(f"{path.stem}-{sigma}") if sigma else path


def write(path: Path, found: Smoothed, places: Sequence[int], seconds: Sequence[float], advice: str) -> None:
    """Replace ``path`` with columns separated by tabs; ``places`` are the positions of the images in the test set.

    As Cohen et al. 2019 write it: abstention is class -1 with radius 0.0, radii have 3 significant digits.
    """
    lines = [HEADER]
    rows = zip(places, found.labels, found.predictions, found.radii, seconds, strict=True)
    for place, label, prediction, radius, took in rows:
        correct = int(prediction == label)
        lines.append(f"{place}\t{label}\t{prediction}\t{radius:.3}\t{correct}\t{timedelta(seconds=took)}")
    replace_text(path, "\n".join(lines) + "\n", advice)
