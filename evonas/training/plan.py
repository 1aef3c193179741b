"""The final stage of a search: the recipe of the training, the finalists and the evaluation."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evonas.core.arguments import given, mapping
from evonas.core.fields import check_integers, check_texts, preset_of, set_field
from evonas.core.strict_json import parse_json
from evonas.store.queries import Records
from evonas.training.recipes import recipes
from spaces.errors import EvonasError, shorten

FACT = "final"  # the fact of a run that stores its final stage
IMAGES, CHECKS = (1, 10**9), (0, 10**9)  # images of an evaluation, and of its sanity checks: inclusive bounds
MAX_FINALISTS = 1024
_BOUNDS = {"finalists": (0, MAX_FINALISTS), "images": IMAGES, "checks": CHECKS, "at_most": IMAGES}
PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"overrides": {"epochs": 5}, "at_most": 100, "checks": 10},
    "paper": {"recipe": "croze200"},
}


@dataclass(frozen=True)
class FinalPlan:
    """The final stage of a search. Raises `UsageError` for an unknown recipe or a number out of range."""

    recipe: str = "fast"
    overrides: Mapping[str, Any] = field(default_factory=dict)  # changes to the numbers of the recipe
    finalists: int = 0  # best genotypes that compete in short trainings; 0 or 1: the best score wins
    images: int | None = None  # test images of the evaluation; None: all
    checks: int = 100  # images of the sanity checks
    at_most: int | None = None  # upper limit of a preset, used without ``images``

    def __post_init__(self) -> None:
        check_texts(self, ("recipe",))
        set_field(self, "overrides", mapping(self.overrides, "overrides"))
        check_integers(self, _BOUNDS, ("images", "at_most"))
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
    ) -> FinalPlan:
        """Defaults, overlaid by a preset, overlaid by what is not None."""
        base = preset_of(preset, PRESETS)
        base |= given({"recipe": recipe, "finalists": finalists, "images": images, "checks": checks})
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
        """One JSON object."""
        return json.dumps(dataclasses.asdict(self))

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
