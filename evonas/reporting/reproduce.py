"""The commands that reproduce a run."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evonas.core.fields import Field, fields_of
from evonas.core.options import written
from evonas.evaluation.result import Evaluation
from evonas.evaluation.settings import SMOOTHING, EvaluateSettings
from evonas.store.settings import LOCAL, TO_TRAINING, SearchSettings
from evonas.training.plan import FinalPlan
from evonas.training.recipe import area_for
from evonas.training.recipes import recipes
from evonas.training.settings import TrainSettings
from spaces import spaces


def search_command(settings: SearchSettings, plan: FinalPlan | None, run: str | Path) -> str:
    """``evonas search ...`` with every resolved setting that differs from its default, and its final stage."""
    words = ["evonas", "search", "--space", settings.space]
    words += [] if settings.generations is None else ["--generations", str(settings.generations)]
    for name, field in fields_of(SearchSettings).items():
        if name == "max_params" and settings.max_params_at != (settings.channels, settings.layers):
            continue  # the space's default, counted at the space's size
        if name == "proxy" and settings.objectives is not None:
            continue  # it is the first of them
        if name == "constraints":
            words += [word for text in settings.constraints for word in (field.spelling, text)]
        elif name not in ("space", "generations", "options"):
            words += _differing(field, None if name == "stem" and _by_size(settings) else getattr(settings, name))
    for name, value in dict(settings.options).items():
        words += ["--option", f"{name}={written(value)}"]
    return shlex.join([*words, *_final(plan), "--run", str(run)])


def _by_size(settings: SearchSettings | TrainSettings) -> bool:
    """Whether the stem is that for the size of the images."""
    return settings.stem == spaces[settings.space].stem_for(settings.image_size or 0)


def _differing(field: Field, value: object) -> list[str]:
    """The option for a value, unless it is the default or about this machine."""
    default = value in (None, field.default) or str(value) == field.default_text
    left_out = default or field.name in LOCAL or not field.about.help
    return [] if left_out else [field.spelling, *([] if value is True else [str(value)])]


def _final(plan: FinalPlan | None) -> list[str]:
    if plan is None:
        return ["--no-final"]
    words = [] if plan.recipe == FinalPlan().recipe else ["--recipe", plan.recipe]
    batch = plan.overrides.get("batch_size")
    words += [] if batch is None else ["--train-batch-size", str(batch)]
    words += _numbers({name: value for name, value in plan.overrides.items() if name != "batch_size"})
    if plan.finalists:
        words += ["--finalists", str(plan.finalists)]
    words += [] if plan.retrainings == 1 else ["--retrainings", str(plan.retrainings)]
    words += ["--controls", str(plan.controls)] if plan.controls else []
    words += [] if plan.images is None else ["--images", str(plan.images)]
    return words + ([] if plan.checks == FinalPlan().checks else ["--checks", str(plan.checks)])


def _numbers(values: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in values.items():
        text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        words += ["--epochs", text] if name == "epochs" else ["--set", f"{name}={text}"]
    return words


def train_command(settings: TrainSettings, run: str | Path) -> str:
    """``evonas train RUN ...`` with every number that differs from the recipe."""
    return shlex.join(["evonas", "train", str(run), *_recipe(settings)])


def genotype_command(settings: TrainSettings, run: str | Path) -> str:
    """``evonas train GENOTYPE ... --run RUN`` with every setting that differs from its default."""
    words = ["evonas", "train", settings.genotype, "--space", settings.space, "--dataset", settings.dataset]
    for name in TO_TRAINING:
        if name not in ("space", "dataset"):
            value = None if name == "stem" and _by_size(settings) else getattr(settings, name)
            words += _differing(fields_of(TrainSettings)[name], value)
    return shlex.join([*words, *_recipe(settings), "--run", str(run)])


def _recipe(settings: TrainSettings) -> list[str]:
    recipe, used = recipes[settings.recipe], settings.chosen
    if recipe.area is None:
        recipe = dataclasses.replace(recipe, area=area_for(settings.image_size or 0))
    numbers = {
        field.name: getattr(used, field.name)
        for field in dataclasses.fields(used)
        if field.name not in ("source", "lr_batch") and getattr(used, field.name) != getattr(recipe, field.name)
    }
    images = [] if settings.train_images is None else ["--train-images", str(settings.train_images)]
    return ["--recipe", settings.recipe, *_numbers(numbers), *images, "--validation", str(settings.validation)]


def evaluate_command(found: Evaluation, run: str | Path) -> str:
    """``evonas evaluate RUN ...`` with the settings of the evaluation."""
    protocol, sizes = found.protocol, ",".join(map(_exact, found.epsilons))
    words = ["evonas", "evaluate", str(run), "--attacks", ",".join(found.attacks), "--eps", sizes]
    for pgd in list(found.attacks.get("pgd", {}).values())[:1]:
        words += ["--steps", str(pgd.steps)]
        words += ["--restarts", str(pgd.restarts)] if (pgd.restarts or 1) > 1 else []
    words += _more(found, words)
    if found.corruptions is None:
        words.append("--no-corruptions")
    options: dict[str, object] = {
        "--images": protocol.drawn,
        "--checks": protocol.checks,
        "--batch-size": protocol.batch_size,
    }
    others = [name for name in found.assessments if name not in found.certificates]
    options |= {"--seed": protocol.seed or None, "--assess": ",".join(others) or None}
    options |= {"--certify": ",".join(found.certify) or None}
    return shlex.join([*words, *(str(word) for pair in options.items() if pair[1] is not None for word in pair)])


def _more(found: Evaluation, words: Sequence[str]) -> list[str]:
    """Settings of the evaluation, where it records them, that are neither defaults nor in ``words``."""
    settings, default, more = found.settings or {}, EvaluateSettings(), []
    for name in ("steps", "step_size", "restarts", "queries", *(SMOOTHING[1:] if found.smoothed else ())):
        value, flag = settings.get(name), f"--{name.replace('_', '-')}"
        if isinstance(value, int | float) and value != getattr(default, name) and flag not in words:
            more += [flag, _exact(value)]
    sigmas = [one.sigma for one in found.smoothed.values()]
    if sigmas and sigmas != list(default.sigma):
        more = ["--sigma", ",".join(map(_exact, sigmas)), *more]
    return more + (["--other-data"] if settings.get("other_data") is True else [])


def _exact(value: float) -> str:
    """The shortest text that is read as ``value``."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)
