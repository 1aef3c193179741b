"""The settings of a search that runs of the present format may lack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evonas.core.arguments import texts
from evonas.core.child import read_command, read_seconds
from evonas.core.options import Scalar
from evonas.store.searched import read_options, searched


@dataclass(frozen=True, kw_only=True)
class AddedSettings:
    """Fields of `SearchSettings` that were added since; they are stored and sealed where they are not empty."""

    objectives: str | None = searched(  # ``proxy`` is then the first
        None,
        help="Several objectives separated by commas, each as for --proxy; the result is a Pareto front.",
        default_text="",
        completion="fitness",
        after="proxy",
        of_score=None,
        changeable=False,
        added=True,
    )
    pick: str | None = searched(  # None: the first objective
        None,
        help="Headline of the Pareto front: its best member by this objective, or its knee.",
        default_text="the first objective",
        metavar="OBJECTIVE|knee",
        after="objectives",
        of_score=None,
        changeable=True,
        added=True,
        sealed=True,
    )
    joint: bool = searched(
        False,
        help="Search by the sum of the ranks by all --objectives, with an algorithm of one objective.",
        after="objectives",
        of_score=None,
        changeable=False,
        added=True,
    )
    options: Mapping[str, object] | tuple[tuple[str, Scalar], ...] = searched(  # of the algorithm; pairs by name
        (),
        help="Option of the algorithm; see `evonas list algorithms`. Repeatable.",
        default_text="",
        spelling="--option",
        metavar="NAME=VALUE",
        typed=list[str],
        after="algorithm",
        read=read_options,
        of_score=None,
        changeable=False,
        added=True,
    )
    constraints: tuple[str, ...] = searched(
        (),
        help="Limit of every network, such as flops<=1e8, latency<=4 or table:PATH:COLUMN<=4. Repeatable.",
        default_text="",
        spelling="--constraint",
        metavar="NAME<=NUMBER",
        typed=list[str],
        after="max_params",
        read=texts,
        of_score=None,
        changeable=False,
        added=True,
    )
    evaluations: int | None = searched(
        None,
        help="Total number of different networks to score, including those before a resume.",
        default_text="no limit",
        bounds=(1, 10**9),
        after="generations",
        of_score=None,
        changeable=True,
        added=True,
    )
    latency_command: str | None = searched(
        None,
        help="Command that measures latency:command in the directory {folder} on another device.",
        default_text="",
        metavar="COMMAND",
        after="constraints",
        read=read_command,
        of_score=None,
        to_score=True,
        changeable=False,
        added=True,
    )
    latency_timeout: float | None = searched(
        None,
        help="Time limit of --latency-command for a network, in seconds.",
        default_text="600",
        after="latency_command",
        read=read_seconds,
        of_score=None,
        to_score=True,
        changeable=True,
        local=True,
        added=True,
    )
