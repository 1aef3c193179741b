"""The settings of a search as keywords."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict


class ScoreOptions(TypedDict, total=False):
    """The fields of `SearchSettings` that scoring needs, except the proxy; None stands for the default."""

    space: str | None
    dataset: str | Path | None
    data_dir: str | Path | None
    batch_size: int | None
    image_size: int | None
    stem: str | None
    channels: int | None
    layers: int | None
    seed: int | None
    device: str | None
    precision: str | None
    batch_networks: int | str | None
    memory: float | None
    latency_command: str | None
    latency_timeout: float | None


class SearchOptions(ScoreOptions, total=False):
    """The fields of `SearchSettings`; None stands for the default, ``batch_networks`` may be ``"auto"``."""

    algorithm: str | None
    generations: int | None
    evaluations: int | None
    population: int | None
    tournament: int | None
    children: int | None
    proxy: str | None
    objectives: str | None
    pick: str | None
    joint: bool | None
    classes: int | None
    max_params: int | None
    constraints: Iterable[str] | str | None
    max_params_at: tuple[int, int] | None
    options: Mapping[str, object] | Iterable[str] | None
