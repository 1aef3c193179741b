"""A field of the settings of a search: what scores, seals, resumes and trainings make of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evonas.core.arguments import finite, given, integer, items, number
from evonas.core.fields import setting
from evonas.core.options import Scalar, frozen
from spaces.errors import UsageError, shown

DECISIONS = ("of_score", "changeable")  # about which every field decides
MIN_MEMORY = 2**20  # bytes; smaller values were meant as a fraction


def searched(
    default: Any,
    *,
    of_score: str | None,
    changeable: bool,
    to_score: bool | None = None,
    to_training: bool = False,
    local: bool = False,
    added: bool = False,
    sealed: bool | None = None,
    **about: Any,
) -> Any:
    """A field of `SearchSettings`.

    - ``of_score``: the entry that it is part of in the identity of a score; None if no score depends on it
    - ``changeable``: whether a resume may change it
    - ``to_score``: whether scoring needs it, by default if a score depends on it
    - ``to_training``: whether a training inherits it
    - ``local``: whether it is about this machine and is left out of the command that reproduces a run
    - ``added``: whether runs of this format may lack it; it is stored and sealed where it is not empty
    - ``sealed``: whether the seals cover it, by default unless it is ``changeable``; a change seals the run again
    """
    marks = {"of_score": of_score, "changeable": changeable, "to_training": to_training, "local": local}
    marks |= {"to_score": of_score is not None if to_score is None else to_score}
    sealed = not changeable if sealed is None else sealed
    marks |= {"sealed": sealed and not added, "sealed_if_stored": sealed and added, "added": added}
    return setting(default, marks=marks, **about)


def require_sizes(population: int | None, **sizes: int | None) -> None:
    """Raises `UsageError` for a size that is larger than the population."""
    for name, value in sizes.items():
        if value is not None and population is not None and value > population:
            raise UsageError(
                f"--{name} {value} is larger than --population {population}; use at most {population}"
            )


def read_memory(value: object, name: str) -> float:
    """Up to 1 a fraction of the free memory, above 1 bytes. Raises `UsageError`."""
    return number(value, name, f"a fraction up to 1, or at least {MIN_MEMORY} bytes", _is_memory)


def read_size(value: object, name: str) -> tuple[int, int]:
    """Channels and layers. Raises `UsageError`."""
    pair = items(value, name)
    if len(pair) != 2:
        raise UsageError(f"{name} must be channels and layers, not {shown(value)}")
    channels, layers = (integer(item, name, 1, 4096) for item in pair)
    return channels, layers


def read_options(value: object, name: str) -> tuple[tuple[str, Scalar], ...]:
    """The options of an algorithm as pairs. Raises `UsageError`."""
    return frozen(value)


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are not None; ``batch_networks`` as a number, or omitted for "auto"."""
    found = given(dict(options))
    if "objectives" in found and "proxy" in found:
        raise UsageError("pass --proxy or --objectives, not both")
    networks = found.pop("batch_networks", "auto")
    if isinstance(networks, str) and networks != "auto":
        try:
            networks = int(str.__str__(networks))  # a subclass may write itself as it likes
        except ValueError:
            wrong = shown(networks)
            raise UsageError(f"--batch-networks must be auto or a number of networks, not {wrong}") from None
    return found if isinstance(networks, str) else {**found, "batch_networks": networks}


def _is_memory(value: float) -> bool:
    return 0 < value <= 1 or (value >= MIN_MEMORY and finite(value))
