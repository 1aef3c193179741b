"""The final stage of a search: the recipe of the training, the finalists and the evaluation."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evonas.core.arguments import given, mapping
from evonas.core.fields import check, fields_of, like, preset_of, presets_of, setting
from evonas.core.strict_json import parse_json
from evonas.store.queries import Records
from evonas.training.recipes import recipes
from evonas.training.settings import TrainSettings
from spaces.errors import EvonasError, UsageError, shorten

FACT = "final"  # the fact of a run that stores its final stage
MAX_FINALISTS = 1024
MAX_TRAININGS = 1000  # of one genotype
MAX_CONTROLS = 1000
ADDED = ("retrainings", "controls")  # fields that plans of older runs lack


@dataclass(frozen=True)
class FinalPlan:
    """The final stage of a search. Raises `UsageError` for an unknown recipe or a number out of range."""

    recipe: str = like(TrainSettings, "recipe", after=None, presets={"paper": "croze200"})
    overrides: Mapping[str, Any] = like(  # changes to the numbers of the recipe
        TrainSettings, "overrides", presets={"quick": {"epochs": 5}}
    )
    finalists: int = setting(  # 0 or 1: the best score wins
        0, help="Number of best genotypes that compete in short trainings first.", bounds=(0, MAX_FINALISTS)
    )
    retrainings: int = setting(
        1,
        help="Number of trainings of the best genotype, with seeds from --seed on.",
        bounds=(1, MAX_TRAININGS),
    )
    controls: int = setting(
        0,
        help="Number of random genotypes of the size of the best one, trained like it.",
        bounds=(0, MAX_CONTROLS),
    )
    images: int | None = setting(
        None, help="Number of test images for the evaluation.", default_text="all", bounds=(1, 10**9)
    )
    checks: int = setting(
        100, help="Number of images for the sanity checks; 0 skips them.", bounds=(0, 10**9), presets={"quick": 10}
    )
    at_most: int | None = setting(  # upper limit of a preset, used without ``images``
        None, bounds=(1, 10**9), presets={"quick": 100}
    )

    def __post_init__(self) -> None:
        check(self)
        recipes[self.recipe].with_numbers(self.overrides)

    @classmethod
    def from_options(
        cls,
        preset: str | None = None,
        recipe: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        finalists: int | None = None,
        images: int | None = None,
        checks: int | None = None,
        retrainings: int | None = None,
        controls: int | None = None,
    ) -> FinalPlan:
        """Defaults, overlaid by a preset, overlaid by what is not None."""
        base = preset_of(preset, presets_of(cls))
        numbers = {"finalists": finalists, "images": images, "checks": checks, "retrainings": retrainings}
        numbers["controls"] = controls
        base |= given({"recipe": recipe, **numbers})
        if overrides is not None:
            base["overrides"] = {**base.get("overrides", {}), **mapping(overrides, "overrides")}
        return cls(**base)

    def among(self, count: int) -> FinalPlan:
        """With the number of images resolved for a test set of ``count``."""
        if self.at_most is None:
            return self
        images = min(self.at_most, count) if self.images is None else self.images
        return dataclasses.replace(self, images=images, at_most=None)

    def options(self) -> dict[str, Any]:
        """The arguments of `evonas.training.train_stage.in_run`."""
        return {"recipe": self.recipe, "overrides": dict(self.overrides), "finalists": self.finalists}

    def to_json(self) -> str:
        """One JSON object; fields that older runs lack are left out where they are the defaults."""
        values = dataclasses.asdict(self)
        left_out = {name for name in ADDED if values[name] == fields_of(FinalPlan)[name].default}
        return json.dumps({name: value for name, value in values.items() if name not in left_out})

    def extended(self, retrainings: int | None = None, controls: int | None = None) -> FinalPlan:
        """With more trainings and controls; None changes nothing. Raises `UsageError` for fewer."""
        changes: dict[str, Any] = given({"retrainings": retrainings, "controls": controls})
        for name, value in changes.items():
            found, before = fields_of(FinalPlan)[name], getattr(self, name)
            if found.checked(value) < before:
                raise UsageError(f"the run has {found.label} {before}, which can only grow")
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_json(cls, text: str) -> FinalPlan:
        """The inverse of `to_json`. Raises `EvonasError` for an invalid text."""
        try:
            return cls(**parse_json(text))
        except (TypeError, ValueError) as error:
            raise EvonasError(
                f"the stored plan of the final stage cannot be read: {shorten(str(error), 200)}"
            ) from None


def plan_of(store: Records) -> FinalPlan | None:
    """The plan of a search; None with ``--no-final``."""
    text = store.meta(FACT)
    return None if text is None else FinalPlan.from_json(text)
