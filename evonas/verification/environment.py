"""Differences between this machine and that of a run, and why last digits may differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evonas.core.files import read_json
from evonas.core.provenance import FACT, machine
from evonas.core.strict_json import parse_json
from evonas.store.run import Run
from spaces.errors import EvonasError

_MATTERS = {  # property of a machine, and the reason
    "device": "another kind of device adds numbers in another order",
    "name": "another chip may use other instructions",
    "threads": "sums of a training are split among threads",
    "precision": "the precision differs",
}


def of_search(store: Run, device: str) -> list[str]:
    """Differences between the machines that scored a run and this one."""
    here = machine(device, store.settings.precision)
    with _readable("run.db"):
        recorded = parse_json(store.meta(FACT) or "[]")
        if not recorded:
            versions = parse_json(store.meta("versions") or "{}")
            recorded = [{"device": store.settings.device, "inexact": [], "versions": versions}]
        found = [why for one in recorded for why in _differences("the search", one, here, without=("threads",))]
        return list(dict.fromkeys(found))


def of_file(path: Path, what: str, device: str) -> list[str]:
    """Differences between the machine of a results file and this one."""
    recorded = (read_json(path) or {}).get("machine")
    if recorded is None:
        return []
    with _readable(path.name):
        return list(_differences(what, recorded, machine(device, recorded["precision"])))


@contextmanager
def _readable(where: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EvonasError(f"the machines in {where} cannot be read: {error}") from None


def _differences(
    what: str, recorded: dict[str, Any], here: dict[str, Any], without: tuple[str, ...] = ()
) -> Iterator[str]:
    for name, reason in _MATTERS.items():
        if name in recorded and name not in without and recorded[name] != here[name]:
            yield f"{what}: {name} {recorded[name]} there, {here[name]} here; {reason}"
    for name, version in recorded.get("versions", {}).items():
        if version != here["versions"].get(name):
            yield f"{what}: {name} {version} there, {here['versions'].get(name)} here"
    yield from (f"{what}: {reason}" for reason in recorded.get("inexact", []))
