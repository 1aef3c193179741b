"""What a path is among the files that evonas writes, and the command that takes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from evonas.core.files import exists
from evonas.core.shell import command
from evonas.core.strict_json import parse_json
from evonas.store.nearby import TRAINING, is_run
from evonas.store.queries import DATABASE
from evonas.store.settings import TO_TRAINING
from spaces.errors import EvonasError, UsageError, shorten
from spaces.size import CIFAR

MAX_JSON_BYTES = 2**24
MAX_PATH_CHARS = 250  # a genotype is longer
WEIGHTS, GENOTYPE = "model.safetensors", "genotype.json"  # in the directory of an export
CHECKPOINTS = ("evaluate", "compare", "export")  # commands that take a trained network
GENOTYPES = ("train", "score")  # commands that take a genotype
SETTINGS = tuple(name for name in TO_TRAINING if name not in ("seed", "device"))  # in a file about a network
NEEDED = frozenset(SETTINGS) - {"data_dir", "stem"}  # of a file, to train its network
_KINDS = {
    "run.db": "the database of a run",
    ".safetensors": "the weights of a network",
    ".onnx": "an ONNX file, which cannot be read back",
    ".pt2": "an archive of torch.export, which cannot be read back",
    ".html": "a report",
}


class GivenGenotype(NamedTuple):
    """A genotype in a file, and the settings that the file has for it."""

    genotype: str
    settings: dict[str, Any]  # of `SETTINGS`, those that are known


def weights_in(directory: Path) -> Path | None:
    """The exported weights in ``directory``, if it is that of an export."""
    return directory / WEIGHTS if (directory / WEIGHTS).is_file() else None


def misplaced(path: Path, name: str) -> UsageError:
    """What to say to ``evonas NAME PATH`` where the command does not take the path: what it is, and what works."""
    kind = next((text for end, text in _KINDS.items() if path.name.endswith(end)), "")
    kind = kind or ("a directory without a run" if path.is_dir() else "not a file that this command reads")
    better = _better(path, name)
    again = ["--run", "NEW"] if name == "train" and better is not None and not (better / DATABASE).exists() else []
    advice = "" if better is None else f"; use: {command(name, better, *again)}"
    if better is None and path.is_dir() and name in CHECKPOINTS:
        advice = f". It has no trained network; train one with: {command('train', 'GENOTYPE', '--run', path)}"
    return UsageError(f"{shorten(str(path), 300)} is {kind}{advice}")


def require_directory(path: Path, name: str) -> None:
    """Raises `UsageError` for a file, and for the directory of an export, where ``evonas NAME`` takes a run."""
    if exists(path) and not is_run(path) and (path.is_file() or _is_export(path)):
        raise misplaced(path, name)


def _is_export(path: Path) -> bool:
    return (path / WEIGHTS).is_file() or (path / GENOTYPE).is_file()


def _better(path: Path, name: str) -> Path | None:
    folder = path if path.is_dir() else path.parent
    if name in CHECKPOINTS and weights_in(folder) is not None:
        return weights_in(folder)
    if name in GENOTYPES and (folder / GENOTYPE).is_file():
        return folder / GENOTYPE
    run = next((place for place in (folder, *list(folder.parents)[:2]) if is_run(place)), None)
    return run


def genotype_at(path: Path, name: str) -> GivenGenotype:
    """The genotype of a checkpoint, of an export, of a JSON file that has one, or of a directory of these.

    Raises `UsageError` for a file that has none, with what ``evonas NAME`` takes.
    """
    if path.is_dir():
        if (path / DATABASE).is_file() and not (path / TRAINING).is_file():
            return _best_of(path)
        inside = (path / TRAINING, path / GENOTYPE, path / WEIGHTS)
        found = next((place for place in inside if place.is_file()), None)
        if found is None:
            raise misplaced(path, name)
        return genotype_at(found, name)
    if path.suffix == ".safetensors":
        from evonas.training import checkpoint

        settings = checkpoint.header_of(path).settings
        return _given(settings.genotype, vars(settings))
    if path.suffix != ".json":
        raise misplaced(path, name)
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ValueError("it is too large for a genotype")
        content = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvonasError(f"{path} cannot be read: {error}") from None
    text = content.get("genotype") if isinstance(content, dict) else None
    if not isinstance(text, str):
        text = content if isinstance(content, str) else json.dumps(content)  # a genotype in another form
        return GivenGenotype(text, {})
    whole = NEEDED.issubset(content)
    if name == "train" and not whole:
        raise misplaced(path, name)  # defaults would train another network than the file is about
    return _given(text, {"stem": CIFAR, **content} if whole else content)


def _best_of(run: Path) -> GivenGenotype:
    from evonas.store.run import Run

    with Run.read(run) as store:
        best = store.best()
        if best is None:
            raise EvonasError(f"{run} has no scored genotype yet; continue with: {command('resume', run)}")
        return _given(str(best.genotype), vars(store.settings))


def _given(genotype: str, values: Any) -> GivenGenotype:
    return GivenGenotype(genotype, {name: values[name] for name in SETTINGS if values.get(name) is not None})
