"""``--log mlflow PLACE``: an MLflow tracking server, a database or a directory."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evonas.reporting.trackers.base import Parameters, Tracker

EXPERIMENT = "evonas"
RUN = "evonas.run"  # tag with the directory of a run, by which a resumed run is found
MAX_PARAMETERS, MAX_VALUE_CHARS = 100, 6000  # of a request
DEFAULTS = {  # a server that does not answer must not hold up the run
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ALLOW_FILE_STORE": "true",
}


class MLflow(Tracker):
    """One MLflow run in the experiment ``evonas`` for each run directory; a resumed run continues it."""

    title = "MLflow"

    def begin(self, run: Path) -> None:
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)
        from mlflow.tracking import MlflowClient

        place = self.place if "://" in self.place else Path(self.place).absolute().as_uri()
        self._client: Any = MlflowClient(tracking_uri=place)
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        number = self._client.create_experiment(EXPERIMENT) if experiment is None else experiment.experiment_id
        tag = str(run.absolute())
        self._id = self._earlier(number, tag)
        if self._id is None:
            self._id = self._client.create_run(number, tags={RUN: tag}, run_name=run.name).info.run_id
        self._kept = dict(self._client.get_run(self._id).data.params)

    def _earlier(self, experiment: str, tag: str) -> str | None:
        quoted = tag.replace("'", "''")
        found = self._client.search_runs([experiment], f"tags.`{RUN}` = '{quoted}'", max_results=1)
        return found[0].info.run_id if found else None

    def parameters(self, values: Parameters) -> None:
        from mlflow.entities import Param

        texts = {_name(name): str(value)[:MAX_VALUE_CHARS] for name, value in values.items()}
        # MLflow refuses to change one, so the first value stays
        new = [Param(name, text) for name, text in texts.items() if name not in self._kept]
        self._kept |= texts
        for first in range(0, len(new), MAX_PARAMETERS):
            self._client.log_batch(self._id, params=new[first : first + MAX_PARAMETERS])
        self._client.update_run(self._id, "RUNNING")

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = [Metric(_name(name), value, now, step) for name, value in values.items()]
        self._client.log_batch(self._id, metrics=found)

    def end(self) -> None:
        self._client.set_terminated(self._id)


def _name(name: str) -> str:
    """``name`` with the characters that MLflow allows."""
    return re.sub(r"[^\w.\- /]", "/", name)
