"""The headline of a Pareto front: the member that ``--pick`` names."""

from __future__ import annotations

from collections.abc import Sequence

from evonas.store.individual import Individual
from evonas.store.objective import Objective
from spaces.errors import UsageError, shorten

KNEE = "knee"
FACT, LATEST = "headline", "latest"  # the fact of a run whose result is its latest birth, not the best one


def require_pick(pick: str, objectives: Sequence[Objective]) -> None:
    """Raises `UsageError` unless ``pick`` is one of several objectives or `KNEE`."""
    if len(objectives) < 2:
        raise UsageError("--pick chooses from the Pareto front of several --objectives; this search has one")
    names = [objective.name for objective in objectives]
    if pick not in (*names, KNEE):
        raise UsageError(
            f"--pick takes an objective of the search ({', '.join(names)}) or {KNEE}, not {shorten(pick)}"
        )


def picked(objectives: Sequence[Objective], pick: str | None) -> str:
    """``pick``, or the name of the first objective without one."""
    return objectives[0].name if pick is None else pick


def picked_in_words(objectives: Sequence[Objective], pick: str | None) -> str:
    """``best params``, or ``knee``."""
    name = picked(objectives, pick)
    return f"best {name}" if name in [objective.name for objective in objectives] else name


def ranking(objective: Objective, latest: bool, by_network: str) -> str:
    """The query of the births with a value, each network once, the headline first.

    ``by_network`` joins values and individuals.
    """
    if latest:
        query = f"SELECT MAX(birth) FROM {by_network} AND value IS NOT NULL"
        return f"{query} GROUP BY i.canonical ORDER BY MAX(birth) DESC"
    order = "DESC" if objective.maximise else "ASC"
    return f"SELECT birth FROM {by_network} AND value IS NOT NULL AND NOT cached ORDER BY value {order}, birth"


def headline(front: Sequence[Individual], objectives: Sequence[Objective], pick: str | None) -> int:
    """The place of the headline in a ``front``: its best member by the objective ``pick``, by default the first.

    `KNEE` is the member with the largest sum of all objectives, each scaled from 0 to 1 over the front. Of two
    objectives it is the one farthest from the line through the ends of the front. The earlier place among equals.
    """
    gains = [one.gains(objectives) or () for one in front]
    names, name = [objective.name for objective in objectives], picked(objectives, pick)
    if name in names:
        column = names.index(name)
        worth = [found[column] for found in gains]
    else:
        scaled = [_scaled(column) for column in zip(*gains, strict=True)]
        worth = [sum(shares) for shares in zip(*scaled, strict=True)]
    return worth.index(max(worth))


def _scaled(values: Sequence[float]) -> list[float]:
    """From 0 to 1; all 0 where they are equal. Halved, as the range of two floats may exceed all of them."""
    low, high = min(values) / 2, max(values) / 2
    return [(value / 2 - low) / ((high - low) or 1.0) for value in values]
