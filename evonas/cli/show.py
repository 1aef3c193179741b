"""``evonas show``."""

from __future__ import annotations

from evonas.cli.options import AsJson, RunPath


def show(run: RunPath, as_json: AsJson = False) -> None:
    """Summarise a run.

    Example: `evonas show runs/tour`
    """
    from evonas import api
    from evonas.reporting.output import print_json, print_rich

    summary = api.summarise(run)
    if as_json:
        return print_json(summary.as_json())
    from evonas.reporting.overview import Overview
    from evonas.reporting.training_overview import TrainingOverview
    from evonas.reporting.training_summary import TrainingSummary

    print_rich(TrainingOverview(summary) if isinstance(summary, TrainingSummary) else Overview(summary))
