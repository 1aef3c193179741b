"""Recomputes scores and compares them with the recorded ones."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from evonas.engine import is_lost
from evonas.searching.measurements import measured_parts
from evonas.searching.scoring import score_as
from evonas.store.individual import Individual
from evonas.store.objective import Objective
from evonas.store.run import Run
from evonas.store.settings import SearchSettings
from evonas.verification.finding import CLOSE, DIFFERS, KEPT, ROUNDING, SAME, UNCHECKED, Finding, Rescored
from fitness import stable_hash
from spaces.errors import EvonasError

PART = "scores"


def rescored(
    store: Run,
    settings: SearchSettings,
    sample: int,
    seed: int,
    reasons: tuple[str, ...],
    options: dict[str, Any],
) -> tuple[list[Finding], tuple[Rescored, ...]]:
    """Recompute the scores of ``sample`` networks drawn by the seed, always including the best one.

    Different scores count as close if there are ``reasons`` for rounding and the difference is small. Scores lost
    with crashed workers or for lack of memory are skipped, and nothing is measured again.
    """
    measured = dict.fromkeys(part.objectives[0].name for part in measured_parts(settings))
    kept = [Finding(PART, name, KEPT, "measured, not recomputed") for name in measured]
    objectives = [one for one in store.objectives if one.name not in measured]
    found, scores = _rescored(store, objectives, sample, seed, reasons, options) if objectives else ([], ())
    return [*found, *kept], scores


def _rescored(
    store: Run,
    objectives: list[Objective],
    sample: int,
    seed: int,
    reasons: tuple[str, ...],
    options: dict[str, Any],
) -> tuple[list[Finding], tuple[Rescored, ...]]:
    lost = {canonical for canonical, reason in store.reasons().items() if is_lost(reason)}
    rows = _drawn(store, sample, seed, lost)
    left_out = f"; {len(lost)} lost with crashed workers or for lack of memory skipped" if lost else ""
    if not rows:
        return [
            Finding(PART, store.settings.proxy, UNCHECKED, f"no scores to recompute{left_out}")
        ] if lost else [], ()
    try:
        computed = score_as(store.path, [str(row.genotype) for row in rows], None, options, measuring=False)
    except EvonasError as error:
        return [Finding(PART, store.settings.proxy, UNCHECKED, str(error))], ()
    findings: list[Finding] = []
    scores: list[Rescored] = []
    names = [store.settings.proxy] if len(store.objectives) == 1 else [one.name for one in objectives]
    for i, (objective, name) in enumerate(zip(objectives, names, strict=True)):
        found = tuple(
            Rescored(row.birth, str(row.genotype), row.values[objective.name], list(again.scores.values())[i])
            for row, again in zip(rows, computed, strict=True)
        )
        findings.append(_finding(name, found, reasons, left_out))
        scores += found
    return findings, tuple(scores)


def _drawn(store: Run, sample: int, seed: int, without: Collection[str]) -> list[Individual]:
    """Distinct networks in order of birth."""
    best = store.best()
    rows = (row for row in store.individuals() if not row.cached and row.key not in without)
    others = [row for row in rows if row != best]
    count = min(len(others), sample - (best is not None))
    drawn = np.random.default_rng(stable_hash(seed, "verify")).choice(len(others), count, replace=False)
    return sorted(
        [others[i] for i in drawn.tolist()] + ([best] if best is not None else []), key=lambda one: one.birth
    )


def _finding(proxy: str, found: tuple[Rescored, ...], reasons: tuple[str, ...], more: str = "") -> Finding:
    off = [one for one in found if one.apart > 0]
    if not off:
        return Finding(PART, proxy, SAME, f"{len(found)} of {len(found)} are bit-identical{more}")
    worst = max(off, key=lambda one: one.apart)
    detail = (
        f"{len(off)} of {len(found)} differ, most of all birth {worst.birth}: {worst.recorded!r} recorded, "
        f"{worst.computed!r} computed, relative difference {worst.apart:.2g}{more}"
    )
    return Finding(PART, proxy, CLOSE if reasons and worst.apart <= ROUNDING else DIFFERS, detail)
