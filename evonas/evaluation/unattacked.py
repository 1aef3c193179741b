"""Accuracies on clean test images over several trainings, which are known before an evaluation."""

from __future__ import annotations

from pathlib import Path

from evonas.evaluation.columns import CLEAN
from evonas.evaluation.retrained import Retrained, over
from evonas.training.retrainings import retrainings, test_accuracy


def tested(directory: Path) -> Retrained | None:
    """Over the finished trainings in ``directory``, the accuracy on clean test images; None for one training."""
    planned = retrainings(directory)
    if not planned:
        return None
    finished = [one for one in planned if one.finished]
    seeds = (planned[0].seed - 1, *(one.seed for one in finished))
    rows = [{CLEAN: test_accuracy(run)} for run in (directory.parent, *(one.run for one in finished))]
    return over(seeds, rows, 1 + len(planned), {one.seed: one.reason for one in planned if one.reason})
