"""Checks the trained network against its records."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from evonas.core.files import read_json
from evonas.evaluation.target import BEST
from evonas.store.run import Run
from evonas.training import checkpoint
from evonas.training.held_out import images_for
from evonas.training.images import Images
from evonas.training.measure import accuracy
from evonas.training.paths import DIRECTORY, RESULT
from evonas.training.retrainings import retrainings
from evonas.training.train_stage import settings_of
from evonas.verification.finding import CLOSE, DIFFERS, SAME, UNCHECKED, Finding, judged
from evonas.verification.winner import winner
from spaces.errors import EvonasError

PART = "training"
FLIPPED = 0.002  # fraction of images that rounding may change


def trained(
    run: Path, store: Run | None, reasons: list[str], device: str, data_dir: str | None, dataset: str | None = None
) -> list[Finding]:
    """Checks genotype, weights, data and test accuracy of the trained network."""
    result = read_json(run / DIRECTORY / RESULT)
    if result is None and not (run / "evaluation.json").is_file():
        return []
    try:
        found = checkpoint.load(run / BEST)
        whose = [_settings(run, found), *([] if store is None else [winner(run, store, found)])]
        if result is None:
            return [*whose, Finding(PART, RESULT, UNCHECKED, "it is missing; a training writes it at its end")]
        missing = sorted({"epoch", "test"} - result.keys())
        if missing:
            return [*whose, judged(PART, RESULT, f"it is incomplete: it lacks {' and '.join(missing)}", "")]
        return [
            *whose,
            _epoch(found, result),
            *_weights(found, result),
            *_measured(found, result, reasons, device, data_dir, dataset),
        ]
    except EvonasError as error:
        return [judged(PART, "checkpoint", str(error), "")]
    except (KeyError, TypeError, AttributeError) as error:
        return [judged(PART, RESULT, f"it is incomplete: {error}", "")]


def trained_again(
    run: Path, reasons: list[str], device: str, data_dir: str | None, dataset: str | None = None
) -> list[Finding]:
    """The checks of every finished training with another seed, each as one finding."""
    found = []
    for one in retrainings(run / DIRECTORY):
        checks = trained(one.run, None, reasons, device, data_dir, dataset) if one.finished else []
        wrong = next((f"{check.name}: {check.detail}" for check in checks if not check.passed), None)
        first = settings_of(run)
        if checks and (different := dataclasses.replace(first, seed=one.seed).differences(settings_of(one.run))):
            wrong = f"it was trained with {'; '.join(different)}"
        if checks:
            found.append(judged(PART, f"seed {one.seed}", wrong, f"{len(checks)} checks of its network"))
    return found


def _settings(run: Path, found: checkpoint.Checkpoint) -> Finding:
    names = [text.split()[0] for text in settings_of(run).differences(found.settings, found.data is not None)]
    wrong = f"{', '.join(names)} of the checkpoint differ from settings.json" if names else None
    return judged(PART, "settings", wrong, "the checkpoint matches settings.json")


def _epoch(found: checkpoint.Checkpoint, result: dict[str, Any]) -> Finding:
    there = {"epoch": found.epoch, **{name: found.facts.get(name) for name in ("validation", "robust")}}
    names = [name for name, value in there.items() if result.get(name) != value]
    wrong = f"{', '.join(names)} of {RESULT} differ from the checkpoint" if names else None
    return judged(PART, "epoch", wrong, f"epoch {found.epoch}, as in {RESULT}")


def _weights(found: checkpoint.Checkpoint, result: dict[str, Any]) -> list[Finding]:
    """Checks the digest of the weights, if there is one."""
    if "weights" not in result:
        return []
    wrong = (
        None
        if checkpoint.weights_digest(found.path) == result["weights"]
        else f"they differ from those of {RESULT}"
    )
    return [judged(PART, "weights", wrong, "the digest matches the training")]


def _measured(
    found: checkpoint.Checkpoint,
    result: dict[str, Any],
    reasons: list[str],
    device: str,
    data_dir: str | None,
    dataset: str | None,
) -> list[Finding]:
    """Whether the test images are those of the training, and if so the accuracy on them again."""
    data = None if found.data is None else found.data.identity.as_json()
    if data is not None and result.get("data") != data:
        return [judged(PART, "data", f"the data that {RESULT} names are not those of the checkpoint", "")]
    try:
        images = images_for(found, data_dir, dataset).images
    except EvonasError as error:
        return [judged(PART, "data", str(error), "")]
    checked = [judged(PART, "data", None, "the classes and the test images of the training")] if data else []
    return [*checked, _accuracy(found, result, reasons, images.to(device), device)]


def _accuracy(
    found: checkpoint.Checkpoint, result: dict[str, Any], reasons: list[str], images: Images, device: str
) -> Finding:
    again, recorded = accuracy(found.model(device), images), result["test"]["accuracy"]
    detail = f"{100 * again:.2f} % of {len(images)} test images"
    if again == recorded and len(images) == result["test"]["n"]:
        return Finding(PART, "accuracy", SAME, detail)
    rounding = bool(reasons) and len(images) == result["test"]["n"] and abs(again - recorded) <= FLIPPED
    return Finding(
        PART, "accuracy", CLOSE if rounding else DIFFERS, f"{detail} now, {100 * recorded:.2f} % recorded"
    )
