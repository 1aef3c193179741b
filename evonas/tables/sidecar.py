"""The JSON file that `evonas tabulate` writes next to a table: what was trained on which images."""

from __future__ import annotations

import gzip
import hashlib
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.core.fields import fields_of
from evonas.core.options import assigned
from evonas.core.strict_json import parse_json
from evonas.data.source import RESIZED
from evonas.store.settings import SearchSettings
from spaces.errors import UsageError, shorten
from spaces.size import CIFAR, MAX_CIFAR_SIDE

NAMES = {"space": str, "dataset": str, "channels": int, "layers": int, "image_size": int, "stem": str}


@dataclass(frozen=True)
class Sidecar:
    """The settings that the networks of a table were trained with, by their names in `SearchSettings`."""

    path: Path
    settings: Mapping[str, Any]

    @property
    def dataset(self) -> str:
        """The images that they were trained on."""
        return str(self.settings["dataset"])


def sidecar_of(table: str | Path, say: Callable[[str], object] | None = None) -> Sidecar | None:
    """What lies next to ``table``, plain or gzipped; None without such a file, and for one of other rows.

    ``say`` hears of the latter.
    """
    table = Path(table)
    path = table.with_suffix("").with_suffix(".json") if table.suffix == ".gz" else table.with_suffix(".json")
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        digest, values = content["sha256"], {**content["training"], "dataset": content["dataset"]}
        settings = {name: values[name] for name in NAMES if name != "stem" or name in values}
        if any(type(value) is not NAMES[name] for name, value in settings.items()):
            return None
        if settings["image_size"] > MAX_CIFAR_SIDE:
            settings.setdefault("stem", CIFAR)  # left out in the file
        same = digest == _digest(table)
    except (OSError, EOFError, ValueError, KeyError, TypeError):  # a file of something else
        return None
    if same:
        return Sidecar(path, settings)
    if say is not None:
        say(f"{path} was written for other rows than those of {table}, so its settings are not used")
    return None


def settings_of(
    table: str | Path, options: Mapping[str, Any], say: Callable[[str], object] | None = None
) -> SearchSettings:
    """The settings that score ``table``: the ``options`` that are not None, and for the others its sidecar.

    ``say`` hears what the sidecar has decided, and how the options differ from it. Raises `UsageError` for
    another space than that of the table.
    """
    given = {name: value for name, value in options.items() if value is not None}
    sidecar = sidecar_of(table, say)
    if sidecar is None:
        return SearchSettings.from_options(**{"space": "nasbench201", **given})
    trained = dict(sidecar.settings)
    _require_space(table, sidecar, given.get("space"))
    dataset = str(given.get("dataset", trained["dataset"]))
    if dataset.partition(":")[0] not in RESIZED:
        del trained["image_size"]
    if say is not None:
        _say(sidecar.path, trained, given, say)
    return SearchSettings.from_options(**{**trained, **given})


def space_of(table: str | Path, space: str | None, say: Callable[[str], object] | None = None) -> str:
    """The space of a table as `settings_of` has it: ``space``, or that of its sidecar."""
    return settings_of(table, {"space": space}, say).space


def _require_space(table: str | Path, sidecar: Sidecar, space: str | None) -> None:
    trained = sidecar.settings["space"]
    if space not in (None, trained):
        raise UsageError(f"--space {space}: {table} has networks of the space {trained}, says {sidecar.path}")


def settings_by_table(texts: Iterable[str], tables: int) -> list[dict[str, Any]]:
    """The settings of single tables, from texts N.NAME=VALUE in which N counts the tables from 1.

    Raises `UsageError` for any other text.
    """
    found: list[dict[str, Any]] = [{} for _ in range(tables)]
    for key, value in assigned(texts, "--setting").items():
        number, _, name = key.partition(".")
        name = name.replace("-", "_")
        if not number.isdecimal() or not 1 <= int(number) <= tables or name not in NAMES:
            raise UsageError(
                f"--setting takes N.NAME=VALUE with N from 1 to {tables} and a name of {', '.join(NAMES)}, "
                f"such as --setting 1.channels=16, not {shorten(key)}"
            )
        if NAMES[name] is int and not value.isdecimal():
            raise UsageError(f"--setting {key} must be an integer, not {shorten(value)}")
        found[int(number) - 1][name] = NAMES[name](value)
    return found


def _say(path: Path, trained: Mapping[str, Any], given: Mapping[str, Any], say: Callable[[str], object]) -> None:
    taken = [_option(name, value) for name, value in trained.items() if name not in given]
    if taken:
        say(f"from {path}: {' '.join(taken)}")
    other = [name for name, value in trained.items() if given.get(name, value) != value]
    if other:
        scored, then = (" ".join(_option(name, values[name]) for name in other) for values in (given, trained))
        say(f"scored with {scored}, but {path} says that the networks were trained with {then}")


def _option(name: str, value: object) -> str:
    return f"{fields_of(SearchSettings)[name].spelling} {shlex.quote(str(value))}"


def _digest(table: Path) -> str:
    """SHA-256 of the text of a table."""
    opened = gzip.open if table.suffix == ".gz" else open
    with opened(table, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
