"""The names of the files of a training."""

from __future__ import annotations

DIRECTORY = "train"  # inside a run
SETTINGS, RESULT = "settings.json", "result.json"
LAST, BEST, METRICS = "last.safetensors", "best.safetensors", "metrics.csv"
