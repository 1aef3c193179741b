"""Latencies of the networks of a table: measured one at a time, each once, and kept in a small SQLite file."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evonas.core.digests import digest
from evonas.core.events import Message, Observer, Warned, announcing
from evonas.core.quantities import plural
from evonas.core.signals import REPEAT, Interrupted, StopRequest, stop_requests
from evonas.searching.latency.clock import Timing
from evonas.searching.latency.protocol import Protocol
from evonas.searching.measurements import SAID_EVERY, busy
from evonas.searching.objectives.latency import Latency
from evonas.tables.kept import KeptFile
from fitness import NoScore, Task
from spaces.errors import EvonasError

P95 = ".p95"  # ends the name of a column of 95th percentiles
DIGITS = 6  # significant ones of milliseconds


class Row(NamedTuple):
    """What was measured of one network."""

    timing: Timing | None
    reason: str  # why there is no timing
    conditions: Mapping[str, str]  # machine and versions


class LatencyFile(KeptFile):
    """Rows by genotype and by the digest of everything that is measured."""

    content, option = "latencies", "--out"
    schema = (
        "CREATE TABLE IF NOT EXISTS latencies (genotype TEXT, key TEXT, median REAL, p95 REAL, reason TEXT, "
        "conditions TEXT, PRIMARY KEY (genotype, key)) WITHOUT ROWID"
    )

    def known(self, key: str) -> dict[str, Row]:
        """The sound rows of ``key`` by genotype."""
        query = "SELECT genotype, median, p95, reason, conditions FROM latencies WHERE key = ?"
        with self.reported():
            rows = self.db.execute(query, (key,)).fetchall()
        return {str(genotype): row for genotype, *values in rows if (row := _read(*values)) is not None}

    def add(self, genotype: str, key: str, row: Row) -> None:
        """Store one row in one transaction."""
        values = (genotype, key, *(row.timing or (None, None)), row.reason, json.dumps(dict(row.conditions)))
        with self.reported(), self.db:
            self.db.execute("INSERT OR REPLACE INTO latencies VALUES (?, ?, ?, ?, ?, ?)", values)


def _read(median: Any, p95: Any, reason: Any, conditions: Any) -> Row | None:
    """None for values that no measurement has."""
    try:
        where = {str(name): str(value) for name, value in json.loads(conditions).items()}
        timing = None if median is None else Timing(float(median), float(p95))
    except (TypeError, ValueError, AttributeError):
        return None
    sound = bool(reason) if timing is None else 0 < timing.median <= timing.p95 < math.inf
    return Row(timing, str(reason), where) if sound else None


@dataclass(frozen=True)
class Measured:
    """The latencies of all networks by one protocol."""

    protocol: Protocol
    about: Mapping[str, Any]  # what was measured where, as JSON
    rows: Mapping[str, Row]  # by genotype

    @property
    def columns(self) -> tuple[str, str]:
        """The names of its columns in a table."""
        return columns_of(self.protocol)

    def cells(self, genotype: str) -> tuple[str, str]:
        """What its columns have of a genotype: milliseconds, or nothing."""
        timing = self.rows[genotype].timing
        return ("", "") if timing is None else (f"{timing.median:.{DIGITS}g}", f"{timing.p95:.{DIGITS}g}")

    @property
    def failed(self) -> dict[str, int]:
        """How many networks have no latency, by reason."""
        return dict(Counter(row.reason for row in self.rows.values() if row.timing is None))


def columns_of(protocol: Protocol) -> tuple[str, str]:
    """The names of the columns of medians and of 95th percentiles."""
    return protocol.column, f"{protocol.column}{P95}"


class Latencies:
    """The latencies of ``genotypes`` by each of ``wanted``; ``kept`` has what was measured before."""

    def __init__(
        self, kept: LatencyFile, wanted: Sequence[Latency], genotypes: Mapping[str, Any], task: Task
    ) -> None:
        self._kept, self._genotypes, self._task = kept, genotypes, task
        self._rows = {one: kept.known(_key(one, task)) for one in wanted}
        self._here: dict[Latency, dict[str, str]] = {}

    def prepare(self, observer: Observer) -> None:
        """Check that what is missing can be measured here.

        If something is, values of other machines and versions are left out, as one column must not mix them.
        Raises `UsageError` for a missing package, `EvonasError` for a command that fails.
        """
        for one, rows in self._rows.items():
            mine = {text: row for text, row in rows.items() if text in self._genotypes}
            if (
                len(mine) == len(self._genotypes)
                and len({json.dumps(row.conditions) for row in mine.values()}) == 1
            ):
                continue
            for text in one.check(self._task.space):
                observer(Warned(text))
            here = self._here[one] = one.conditions(self._task.device)
            self._rows[one] = {text: row for text, row in mine.items() if row.conditions == here}
            if other := len(mine) - len(self._rows[one]):
                observer(
                    Message(f"{plural(other, 'network')} were measured on another machine or version: repeated")
                )

    def measure(self, observer: Observer) -> tuple[Measured, ...]:
        """Measure what is missing, in this process; nothing else computes meanwhile.

        Raises `EvonasError` for a lack of memory and for a command that fails, `Interrupted` after a signal. What
        was measured is kept.
        """
        missing = [
            (text, one) for text in self._genotypes for one in self._here if text not in self._rows[one]
        ]  # all latencies of a network next to each other, as the load of a machine changes
        if missing:
            names = ", ".join(one.text for one in self._here)
            networks = plural(len({text for text, _ in missing}), "network")
            observer(Message(f"measuring {names} of {networks}, one at a time"))
            for text in busy([one for one in self._here if not one.commanded]):
                observer(Warned(text))
        with stop_requests(announcing(observer)) as stop:
            for count, (text, one) in enumerate(missing, 1):
                self._rows[one][text] = self._measured(text, one, stop)
                if count % SAID_EVERY == 0:
                    observer(Message(f"{count} of {len(missing)} latencies measured"))
        return tuple(self._of(one, rows) for one, rows in self._rows.items())

    def _measured(self, text: str, one: Latency, stop: StopRequest) -> Row:
        if stop.requested:
            raise Interrupted(f"interrupted; finished work is saved. {REPEAT}")
        timing, reason = None, ""
        try:
            timing = one.timing(self._genotypes[text], self._task)
        except NoScore as error:
            reason = str(error)
        except (RuntimeError, MemoryError) as error:
            first_line = str(error).strip().split("\n")[0] or type(error).__name__
            raise EvonasError(f"{one.text} cannot be measured: {first_line} (genotype {text})") from error
        row = Row(timing, reason, self._here[one])
        self._kept.add(text, _key(one, self._task), row)
        return row

    def _of(self, one: Latency, rows: Mapping[str, Row]) -> Measured:
        mine = {text: rows[text] for text in self._genotypes}
        identity = next(iter(one.identity().values()))
        where = next(iter(mine.values())).conditions if mine else {}
        return Measured(one.protocol, {**identity, **where}, mine)


def _key(one: Latency, task: Task) -> str:
    """The digest of what a row depends on, except genotype, machine and versions."""
    size = task.size
    shape = [size.channels, size.layers, size.classes, size.image_size, size.stem]
    return digest([one.identity(), task.space.name, shape, task.device.partition(":")[0]])
