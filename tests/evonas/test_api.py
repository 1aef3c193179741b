"""The public API as a package: what its names are."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import evonas


def test_no_public_name_shadows_a_module() -> None:
    modules = {module.name for module in pkgutil.iter_modules(evonas.__path__)}
    assert not modules & {*evonas.__all__, "bench"}


def test_every_package_can_be_reached_by_attributes() -> None:
    for module in pkgutil.iter_modules(evonas.__path__):
        if module.ispkg:
            importlib.import_module(f"evonas.{module.name}")
            assert isinstance(getattr(evonas, module.name), ModuleType), module.name
