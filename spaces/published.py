"""Genotypes of the literature with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from spaces.base import Space


class Published(NamedTuple):
    """A genotype of the literature."""

    genotype: Any
    method: str  # its name and paper
    source: str  # paper and table, or repository, commit and file
    note: str = ""


class Written(Protocol):
    """An entry of a table of published genotypes."""

    @property
    def genotype(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def note(self) -> str: ...


def read(space: Space, table: Mapping[str, Written]) -> dict[str, Published]:
    """The entries of ``table`` with their genotypes parsed."""
    return {
        name: Published(space.parse(entry.genotype), entry.method, entry.source, entry.note)
        for name, entry in table.items()
    }
