"""The registry, and the settings that every network needs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import spaces as package
from spaces import NetworkSize, Registry, UsageError, spaces


@pytest.fixture
def colours() -> Registry[int]:
    registry: Registry[int] = Registry("colour")
    for i, name in enumerate(("red", "green", "blue")):
        registry.register(name)(i)
    return registry


def test_a_registry_returns_what_was_registered_in_order_of_names(colours: Registry[int]) -> None:
    assert [(name, colours[name]) for name in colours] == [("blue", 2), ("green", 1), ("red", 0)]
    assert len(colours) == 3 and "red" in colours and "pink" not in colours


def test_registering_a_name_twice_is_an_error_and_keeps_the_first(colours: Registry[int]) -> None:
    with pytest.raises(ValueError, match="colour 'red' is registered twice"):
        colours.register("red")(7)
    assert colours["red"] == 0


def test_an_unknown_name_answers_with_the_closest(colours: Registry[int]) -> None:
    with pytest.raises(UsageError, match="unknown colour 'GREEM': did you mean green"):
        colours["GREEM"]


def test_a_name_like_no_other_answers_with_all(colours: Registry[int]) -> None:
    with pytest.raises(UsageError, match="choose from blue, green, red"):
        colours["zzzzzz"]


def test_the_spaces_are_registered() -> None:
    assert {"darts", "nasbench201", "robnet"} <= set(spaces)
    assert all(spaces[name].name == name for name in spaces)


@pytest.mark.parametrize("field", ["channels", "layers", "classes", "image_size"])
@pytest.mark.parametrize("value", [0, -1, 4097, 10**30, 1.5, "8", None])
def test_a_network_size_out_of_bounds_is_refused(field: str, value: object) -> None:
    good = {"channels": 8, "layers": 3, "classes": 10, "image_size": 32}
    with pytest.raises(UsageError, match=f"{field} must be an integer from 1 to 4096"):
        NetworkSize(**(good | {field: value}))  # type: ignore[arg-type]


def test_asking_for_an_error_or_a_size_does_not_load_pytorch(run_python: Callable[[str], str]) -> None:
    source = "import spaces, sys; spaces.NetworkSize(8, 3), spaces.UsageError; print('torch' in sys.modules)"
    assert run_python(source) == "False"


def test_the_package_has_what_it_lists_and_nothing_else() -> None:
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Darst'"):
        package.Darst  # noqa: B018
