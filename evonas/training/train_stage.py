"""Starts a training from a genotype or a run, or continues it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from evonas.core.arguments import option
from evonas.core.atomic_files import make_directory
from evonas.core.events import Observer, Warned, unwatched, warning
from evonas.core.fields import fields_of
from evonas.core.files import exists, write_json
from evonas.core.locks import held
from evonas.core.memory_errors import memory_reported
from evonas.core.ranks import is_first
from evonas.core.shell import command, elsewhere, resuming
from evonas.core.signals import resumable
from evonas.core.strict_json import parse_json
from evonas.store.aside import move
from evonas.store.nearby import other_runs
from evonas.store.paths import dated
from evonas.store.queries import DATABASE
from evonas.store.run import Run
from evonas.store.settings import TO_TRAINING, SearchSettings
from evonas.training.artefacts import MAX_PATH_CHARS, genotype_at
from evonas.training.data_check import require_training
from evonas.training.finalists import compete, epochs_before
from evonas.training.images import known
from evonas.training.measure import accuracy
from evonas.training.parallel import alone, joined
from evonas.training.paths import DIRECTORY, LAST, RESULT, SETTINGS
from evonas.training.plan import FinalPlan, plan_of
from evonas.training.settings import TrainSettings
from evonas.training.training import Trained, Training
from spaces.errors import EvonasError, UsageError, shorten

_LIKE_A_PATH = re.compile(r"[\w.~-]*/[\w./~-]*")


def train(
    target: str | TrainSettings,
    run: str | Path | None = None,
    observer: Observer | None = None,
    **options: Any,
) -> Trained:
    """Train a genotype, a published architecture by name, settings, or that of the run or file ``target``.

    ``options`` are fields of `TrainSettings`; missing ones come from the run, else from the defaults. Everything
    is stored in ``run``/train (for a run: in its own directory), where an interrupted training continues. Raises
    `UsageError` for invalid settings, `EvonasError` if the directory holds another training, `Interrupted` after
    SIGINT or SIGTERM with every finished epoch saved.
    """
    if isinstance(target, TrainSettings):
        return _train_genotype(target, target.genotype, run, observer)
    name = target
    place = Path(target) if len(target) < MAX_PATH_CHARS and exists(Path(target)) else None
    if place is not None and (place / DATABASE).exists():
        if run is not None:
            raise UsageError(
                f"the best genotype of a run is trained in the run itself; otherwise {elsewhere(Path(target))}"
            )
        with Run.open(place) if is_first() else Run.read(place) as store:
            return in_run(store, observer, **options)
    if place is not None:
        if run is None and (place / DIRECTORY / SETTINGS).exists():
            raise UsageError(
                f"{place} holds a training. Continue it with: {command('resume', place)}, or train its genotype "
                f"again with: {command('train', place, '--run', 'NEW')}"
            )
        target, beside = genotype_at(place, "train")
        options = {**beside, **_given(options)}
    elif _LIKE_A_PATH.fullmatch(target):
        raise UsageError(f"{target} is neither a run nor a genotype: it does not exist{other_runs(Path(target))}")
    if options.get("finalists") is not None:
        raise UsageError(f"finalists are the best genotypes of a run, and {shorten(target)} is a genotype")
    if options.get("pick") is not None:
        raise UsageError(f"--pick is for the front of a search, and {shorten(name)} is not one")
    return _train_genotype(TrainSettings(target, **_given(options)), name, run, observer)


def retrain(settings: TrainSettings, run: Path, observer: Observer) -> Trained:
    """Train with resolved ``settings`` in the directory ``run``, or continue there."""
    with _created(run):
        return _trained(run, settings, observer)


def _train_genotype(
    settings: TrainSettings, name: str, run: str | Path | None, observer: Observer | None
) -> Trained:
    name = name if name.isidentifier() else "genotype"
    observer = unwatched if observer is None else observer
    _question(settings, observer)
    resolved = settings.resolve(warning(observer))
    if run is None and not alone():
        raise UsageError("several processes that train together need one directory: give --run")
    path = Path(run) if run is not None else dated(f"train-{name}")
    with _created(path):
        return _trained(path, resolved, observer)


def in_run(store: Run, observer: Observer | None = None, **options: Any) -> Trained:
    """Train the best genotype of an open run in its directory, or the winner of its ``finalists``.

    Missing options are those of the search. Raises `EvonasError` if nothing is scored yet.
    """
    plan = plan_of(store) or FinalPlan()
    given = {**from_search(store.settings), **plan.options(), **_given(options)}
    given["overrides"] = {**_crops_of(store.path), **given.get("overrides", {})}
    finalists, pick = given.pop("finalists"), given.pop("pick", None)
    leading = store.leading(max(1, finalists), pick)
    if not leading:
        raise EvonasError(
            f"{store.path} has no scored genotype to train; continue with: {command('resume', store.path)}"
        )
    observer = unwatched if observer is None else observer
    winner = leading[0]
    if len(leading) > 1:
        winner = compete(store.path, leading, given, observer, epochs_before(store))
    settings = TrainSettings(str(winner.genotype), **given)
    if _given(options):  # else they are those of the search, which was asked about them
        _question(settings, observer)
    settings = settings.resolve(warning(observer))
    if is_first():
        _set_aside(store.path, settings)
    return _trained(store.path, settings, observer)


def _crops_of(run: Path) -> dict[str, Any]:
    """The crops of a training that has begun, perhaps with an older version, which had others by default."""
    begun = (run / DIRECTORY / LAST).is_file() and (run / DIRECTORY / SETTINGS).is_file()
    return {"area": settings_of(run).chosen.area} if begun else {}


def resume(run: Path, observer: Observer | None = None, **options: Any) -> Trained:
    """Continue the training in ``run``; only ``data_dir``, ``device`` and the place of a folder may change.

    Raises `EvonasError` if the images, their labels or their order are not those that it began with.
    """
    given = _given(options)
    stored = settings_of(run)
    refused = sorted(set(given) - {"data_dir", "device"})
    if stored.dataset.startswith("folder:") and str(given.get("dataset", "")).startswith("folder:"):
        refused = [name for name in refused if name != "dataset"]
    if refused:
        raise UsageError(_refusal(refused[0], run))
    asked = replace(stored, compile=None, **given)
    try:
        settings = asked.resolve().continuing(stored)
    except EvonasError:
        _require_data(run, asked)  # says what has changed, if that is why
        raise
    with held(run):
        return _trained(run, settings, unwatched if observer is None else observer)


def _refusal(name: str, run: Path) -> str:
    asked = fields_of(SearchSettings).get(name)
    label = option(name) if asked is None else asked.label
    if name in fields_of(TrainSettings):
        return f"a training keeps its settings: {label} cannot change"
    return f"{run} is a training; {label} is for a search"


def settings_of(run: Path) -> TrainSettings:
    """The settings of the training in ``run``. Raises `EvonasError` if it is missing or cannot be read."""
    path = run / DIRECTORY / SETTINGS
    try:
        return TrainSettings.from_dict(parse_json(path.read_text(encoding="utf-8")))
    except OSError:
        raise UsageError(f"{run} has no training; start one with evonas train") from None
    except ValueError as error:
        raise EvonasError(f"{path} cannot be read: {error}") from None


def _question(settings: TrainSettings, observer: Observer) -> None:
    for text in settings.doubts:
        observer(Warned(text))


def _require_data(run: Path, settings: TrainSettings) -> None:
    """Raises `EvonasError` if the last epoch of a training was learned from other data than are here."""
    from evonas.training import checkpoint

    last = run / DIRECTORY / LAST
    if last.is_file() and (data := checkpoint.load(last).data) is not None:
        require_training(data, known(settings)[1], str(last), settings.dataset, elsewhere(run))


def _trained(run: Path, settings: TrainSettings, observer: Observer) -> Trained:
    directory = run / DIRECTORY
    advice = (
        f"finished epochs are saved. Free memory and resume with: {command('resume', run)}, "
        "or start a new training with a smaller --batch-size"
    )
    continued = resumable(f"Resume with: {command('resume', run)}", (directory / SETTINGS).exists)
    with continued, joined(settings.device) as (group, device), memory_reported("training", advice):
        if group.leads:
            _prepare(directory, settings)
        training = Training(directory, replace(settings, device=device), observer, group)
        if group.leads and settings_of(run).dataset != settings.dataset:  # a folder that was moved
            write_json(directory / SETTINGS, settings.as_dict(), resuming(run))
        result = training.run()
        if group.leads and not (directory / RESULT).exists():
            _conclude(result)
        group.agreed(None)  # the others wait for the leading process
    return result


def _prepare(directory: Path, settings: TrainSettings) -> None:
    make_directory(directory)
    if (
        not (directory / SETTINGS).exists() or not (directory / LAST).exists()
    ):  # otherwise an epoch depends on them
        write_json(directory / SETTINGS, settings.as_dict(), "free disk space and start again")


def _conclude(result: Trained) -> None:
    """Measure the accuracy of the best epoch on the test set, once, and save it next to the checkpoints."""
    from evonas.core.digests import tensors_digest
    from evonas.core.provenance import machine
    from evonas.training import checkpoint
    from evonas.training.held_out import images_for

    found = checkpoint.load(result.checkpoint)
    model = found.model(result.settings.device)
    measured = images_for(found, result.settings.data_dir, result.settings.dataset)
    images = measured.images.to(result.settings.device)
    content: dict[str, Any] = {
        "epoch": result.best.epoch,
        "validation": result.best.validation,
        "robust": result.best.robust,
    }
    content |= {"test": {"accuracy": accuracy(model, images), "n": len(images)}, "seconds": result.seconds}
    content["data"] = measured.data.as_json() if found.data is None else found.data.identity.as_json()
    content["weights"] = tensors_digest(model.state_dict())
    content["machine"] = machine(result.settings.device, result.settings.precision)
    write_json(result.directory / RESULT, content, resuming(result.directory.parent))


def result_of(run: Path) -> dict[str, Any]:
    """The content of `result.json` for a finished training."""
    return json.loads((run / DIRECTORY / RESULT).read_text(encoding="utf-8"))


def _set_aside(run: Path, settings: TrainSettings) -> None:
    """Rename the training of a former best genotype, if a longer search has found a better one."""
    directory = run / DIRECTORY
    if not (directory / SETTINGS).exists() or settings_of(run).genotype == settings.genotype:
        return
    number = 1
    while (aside := run / f"{DIRECTORY}.{number}").exists():
        number += 1
    move(directory, aside)


@contextmanager
def _created(path: Path) -> Iterator[None]:
    if not is_first():
        yield
        return
    make_directory(path)
    with held(path):
        yield


def from_search(settings: SearchSettings) -> dict[str, Any]:
    """The settings that a training inherits from a search."""
    return {name: getattr(settings, name) for name in TO_TRAINING}


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
