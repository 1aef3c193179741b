"""The registry, and the settings that every network needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import spaces as package
from spaces import EvonasError, NetworkSize, Registry, UsageError, spaces
from spaces.registry import packages
from tests.installed import install


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


PAINT = "from paint import colours\n"


@pytest.fixture
def paint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[int]:
    """Colours of a table and of a package: mauve, two of one file, one that fails, one that is not registered."""
    source = 'from spaces import Registry\ncolours = Registry("colour", {"red": "reds"}, group="evonas.colours")\n'
    (tmp_path / "paint.py").write_text(source)
    (tmp_path / "reds.py").write_text(PAINT + 'colours.register("red")(1)\n')
    modules = {
        "violets.py": PAINT + 'colours.register("mauve")(2)\n',
        "greys.py": PAINT + 'for i in range(2):\n    colours.register(f"grey{i}")(i)\n',
        "browns.py": PAINT + 'colours.register("brown")(3)\nimport pigments\n',
        "nothing.py": "",
    }
    points = {
        "mauve": "violets",
        "grey0": "greys:colours",
        "grey1": "greys",
        "brown": "browns",
        "clear": "nothing",
    }
    install(tmp_path, "paint-box", {"evonas.colours": points}, modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("paint").colours
    for name in ("paint", "reds", "violets", "greys", "browns", "nothing", "other"):
        sys.modules.pop(name, None)


def test_names_are_known_before_any_module_is_imported(paint: Registry[int]) -> None:
    assert list(paint) == ["brown", "clear", "grey0", "grey1", "mauve", "red"]
    assert len(paint) == 6 and "mauve" in paint and "pink" not in paint
    assert not {"reds", "violets", "greys", "browns"} & set(sys.modules)


def test_a_name_is_loaded_when_it_is_asked_for(paint: Registry[int]) -> None:
    assert (paint["mauve"], paint["red"], paint["grey1"], paint["grey0"]) == (2, 1, 1, 0)
    assert paint.registered == {"mauve": "violets", "red": "reds", "grey0": "greys", "grey1": "greys"}


def test_a_name_registered_before_it_is_asked_for_is_the_same(paint: Registry[int]) -> None:
    import_module = __import__
    import_module("violets")
    assert paint["mauve"] == 2


def test_a_package_that_cannot_be_imported_is_named_and_keeps_no_other_name_away(paint: Registry[int]) -> None:
    for _ in range(2):  # the name that it registered before it failed must not stay
        with pytest.raises(EvonasError) as caught:
            paint["brown"]
        assert str(caught.value) == (
            "colour 'brown' of paint-box 1.0 cannot be loaded: ModuleNotFoundError: No module named 'pigments'"
        )
    assert dict(paint.loadable()) == {"grey0": 0, "grey1": 1, "mauve": 2, "red": 1}


def test_a_package_that_registers_nothing_under_its_name_is_named(paint: Registry[int]) -> None:
    with pytest.raises(
        EvonasError, match=r"paint-box 1.0 lists the colour 'clear', but nothing registers no such"
    ):
        paint["clear"]


def test_an_unknown_name_may_be_close_to_that_of_a_package(paint: Registry[int]) -> None:
    with pytest.raises(UsageError, match=r"unknown colour 'mauv': did you mean mauve\?"):
        paint["mauv"]


@pytest.mark.parametrize(
    ("name", "places"),
    [("red", r"reds and by other \(oils 2.0\)"), ("mauve", r"violets .* and by other|other .* by v")],
)
def test_a_name_of_two_places_is_an_error_that_names_both(
    name: str, places: str, paint: Registry[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "more", "oils", {"evonas.colours": {name: "other"}}, {"other.py": ""}, "2.0")
    monkeypatch.syspath_prepend(tmp_path / "more")
    with pytest.raises(EvonasError, match=f"colour {name!r} is registered twice: by {places}"):
        paint[name]
    assert list(paint).count(name) == 1 and paint["grey0"] == 0


def test_a_package_cannot_take_a_name_that_it_does_not_list(paint: Registry[int], tmp_path: Path) -> None:
    (tmp_path / "greys.py").write_text(PAINT + 'colours.register("red")(5)\n')
    with pytest.raises(
        EvonasError, match=r"paint-box 1.0 cannot be loaded: ValueError: .* twice: by reds and by greys"
    ):
        paint["grey0"]
    assert paint["red"] == 1


def test_installed_packages_are_listed_with_their_versions(paint: Registry[int]) -> None:
    assert packages()["paint-box"] == "1.0" and "pytest" not in packages()


def test_the_spaces_are_registered() -> None:
    assert {"darts", "nasbench201", "robnet"} <= set(spaces)
    assert all(spaces[name].name == name for name in spaces)


@pytest.mark.parametrize("field", ["channels", "layers", "classes", "image_size"])
@pytest.mark.parametrize("value", [0, -1, 4097, 10**30, 1.5, "8", None])
def test_a_network_size_out_of_bounds_is_refused(field: str, value: object) -> None:
    good = {"channels": 8, "layers": 3, "classes": 10, "image_size": 32}
    with pytest.raises(UsageError, match=f"{field} must be an integer from 1 to 4096"):
        NetworkSize(**(good | {field: value}))  # type: ignore[arg-type]


def test_names_of_proxies_and_spaces_are_known_without_pytorch(run_python: Callable[[str], str]) -> None:
    source = (
        "import fitness, spaces, sys; print({*fitness.proxies, *spaces.spaces} > {'croze:P', 'croze', 'darts'}, "
    )
    assert run_python(source + "'torch' in sys.modules)") == "True False"


def test_asking_for_an_error_or_a_size_does_not_load_pytorch(run_python: Callable[[str], str]) -> None:
    source = "import spaces, sys; spaces.NetworkSize(8, 3), spaces.UsageError; print('torch' in sys.modules)"
    assert run_python(source) == "False"


def test_the_package_has_what_it_lists_and_nothing_else() -> None:
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Darst'"):
        package.Darst  # noqa: B018
