"""Settings: defaults, presets, bounds, and what a resume may change."""

from __future__ import annotations

from typing import Any

import pytest

from evonas import SearchSettings, UsageError
from evonas.core.notices import heard_by
from evonas.searching.images import with_batch
from evonas.searching.resolve import changed, resolve
from evonas.store.settings import PRESETS


def test_the_defaults_are_those_of_the_paper() -> None:
    settings = resolve(SearchSettings())
    assert (settings.population, settings.tournament, settings.children, settings.generations) == (100, 25, 50, 50)
    assert (settings.channels, settings.layers, settings.max_params) == (36, 20, 6_000_000)
    assert (settings.space, settings.proxy, settings.dataset) == ("darts", "croze", "digits")
    assert with_batch(settings, None).batch_size == 8
    assert resolve(settings) == settings


def test_a_default_limit_is_counted_at_paper_size_and_a_given_one_at_the_run_s_own() -> None:
    assert resolve(SearchSettings(channels=8, layers=5)).max_params_at == (36, 20)
    given = resolve(SearchSettings(channels=8, layers=5, max_params=50_000))
    assert (given.max_params, given.max_params_at) == (50_000, (8, 5))
    assert resolve(SearchSettings(space="nasbench201")).max_params == 0


def test_settings_survive_json() -> None:
    for settings in (SearchSettings(), resolve(SearchSettings(space="nasbench201", seed=2**60))):
        assert SearchSettings.from_json(settings.to_json()) == settings


def test_the_stem_follows_the_images_and_is_stored_only_if_it_is_not_that_of_older_runs() -> None:
    said: list[str] = []
    with heard_by(said.append):
        small, large = resolve(SearchSettings()), resolve(SearchSettings(image_size=65))
        kept = resolve(SearchSettings(image_size=65, stem="cifar"))
        resolve(SearchSettings(image_size=65, space="nasbench201"))
    assert (small.stem, large.stem, kept.stem) == ("cifar", "imagenet", "cifar")
    assert said == ["stem imagenet, as images have 65 pixels (--stem cifar for that of small images)"]
    assert "stem" not in small.to_json() and "stem" not in kept.to_json()
    for settings in (small, large, kept):
        assert SearchSettings.from_json(settings.to_json()) == settings == resolve(settings)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_an_option_overrides_a_preset(preset: str) -> None:
    assert SearchSettings.from_options(preset, children=3, seed=None).children == 3
    assert resolve(SearchSettings.from_options(preset)).generations == PRESETS[preset]["generations"]


@pytest.mark.parametrize(("preset", "population", "children"), [("quick", 12, 6), ("paper", 100, 50)])
def test_a_preset_has_children_by_its_population_and_takes_a_smaller_one(
    preset: str, population: int, children: int
) -> None:
    settings = resolve(SearchSettings.from_options(preset))
    assert (settings.population, settings.children) == (population, children)
    assert resolve(SearchSettings.from_options(preset, population=4)).children == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"population": 0},
        {"population": 10, "tournament": 11},
        {"population": 10, "children": 11},
        {"generations": -1},
        {"seed": -1},
        {"seed": 2**63},
        {"channels": 0},
        {"layers": 10**9},
        {"batch_size": True},
        {"precision": "float16"},
        {"generations": 2.5},
    ],
)
def test_a_value_out_of_range_is_one_message(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        SearchSettings(**wrong)
    assert "--" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "suggestion"),
    [
        ({"space": "dart"}, "darts"),
        ({"proxy": "crose"}, "croze"),
        ({"dataset": "cifar"}, "cifar10"),
        ({"algorithm": "regularised-evolution"}, "regularized-evolution"),
        ({"device": "gpu"}, "cuda"),
        ({"device": "mps"}, "cpu"),
    ],
)
def test_an_unknown_name_answers_with_the_closest(wrong: dict[str, Any], suggestion: str) -> None:
    with pytest.raises(UsageError, match=suggestion):
        resolve(SearchSettings(**wrong))


def test_an_unknown_preset_answers_with_the_closest() -> None:
    with pytest.raises(UsageError, match="quick"):
        SearchSettings.from_options("quik")


def test_a_resume_may_change_generations_data_directory_and_device_only() -> None:
    stored = resolve(SearchSettings())
    assert changed(stored, {"generations": 60, "data_dir": "x", "device": "cpu", "seed": 0}).generations == 60
    with pytest.raises(UsageError, match=r"--seed 0") as caught:
        changed(stored, {"seed": 1, "population": 100})
    assert "--population 100" not in str(caught.value)


def test_a_numbered_cpu_is_the_cpu() -> None:
    assert resolve(SearchSettings(device="cpu:0")) == resolve(SearchSettings(device="cpu"))


def test_a_text_that_cannot_write_itself_is_read_or_refused() -> None:
    class Text(str):
        def __str__(self) -> str:
            raise RuntimeError("do not write me")

        __repr__ = __str__

    assert SearchSettings.from_options(batch_networks=Text("2")).batch_networks == 2
    with pytest.raises(UsageError, match="--batch-networks must be auto or a number of networks, not 'fast'"):
        SearchSettings.from_options(batch_networks=Text("fast"))
