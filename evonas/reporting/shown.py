"""What `evonas show` draws of a run or of a training."""

from __future__ import annotations

from evonas.reporting.overview import Overview
from evonas.reporting.summary import Summary
from evonas.reporting.training_overview import TrainingOverview
from evonas.reporting.training_summary import TrainingSummary


def shown(summary: Summary | TrainingSummary) -> Overview | TrainingOverview:
    """The overview that fits the summary."""
    return TrainingOverview(summary) if isinstance(summary, TrainingSummary) else Overview(summary)
