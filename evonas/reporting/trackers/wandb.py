"""``--log wandb DIRECTORY``: Weights & Biases, offline unless WANDB_MODE says otherwise."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from evonas.reporting.trackers.base import Parameters, Tracker

PROJECT = "evonas"
STEP = "step"  # of each stage: generations and epochs both start at 1
ID_CHARS = 16


class WandB(Tracker):
    """One W&B run in the project ``evonas`` for each run directory; a resumed run has the same id."""

    title = "W&B"
    _tracked: Any = None

    def begin(self, run: Path) -> None:
        import wandb

        if self._tracked is None:
            atexit.register(self._finish)
        else:
            self._tracked.finish()
        Path(self.place).mkdir(parents=True, exist_ok=True)
        self._tracked = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=run.name,
            id=sha256(str(run.absolute()).encode()).hexdigest()[:ID_CHARS],
            dir=self.place,
            mode=os.environ.get("WANDB_MODE", "offline"),
            resume="allow",
            reinit="create_new",
            settings=wandb.Settings(console="off", silent=True, init_timeout=30, x_disable_stats=True),
        )
        self._stages: set[str] = set()

    def parameters(self, values: Parameters) -> None:
        self._tracked.config.update(dict(values), allow_val_change=True)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        for stage in {name.rpartition("/")[0] for name in values} - self._stages:
            self._tracked.define_metric(f"{stage}/*", step_metric=f"{stage}/{STEP}")
            self._stages.add(stage)
        steps = {f"{name.rpartition('/')[0]}/{STEP}": step for name in values}
        self._tracked.log({**values, **steps})

    def end(self) -> None:
        """Nothing: a run that is finished cannot be continued offline. It is finished when the program ends."""

    def _finish(self) -> None:
        self._tell(lambda: self._tracked.finish())
