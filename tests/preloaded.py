"""What commands import, imported and built: children forked from this process need not.

Each command imports only what it needs (`tests/evonas/cli/test_startup.py`), most of it once it runs.
"""

from __future__ import annotations

import gc
import math
import pkgutil
from importlib import import_module

import PIL.Image
import torch
import typer

import evonas
import fitness
import spaces
from evonas.cli import app as cli
from evonas.engine import auto

LATE = ("torch._dynamo", "torchvision.transforms.functional", "safetensors.torch", "matplotlib.pyplot")
LATE += ("matplotlib.backends.backend_svg", "rich._emoji_codes", "typer._adapters")  # imported inside functions


def import_all() -> None:
    """Every module of the three floors, but those of extras that are not installed."""
    for package in (spaces, fitness, evonas):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                _import(found.name)
    for name in LATE:
        _import(name)


def _import(name: str) -> None:
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("spaces", "fitness", "evonas"):
            raise


import_all()
PIL.Image.preinit()
cli.app = typer.main.get_command(cli.app)  # type: ignore[assignment]
torch.set_num_threads(1)
auto.START_SECONDS = math.inf  # else every command on a busy machine would start workers
gc.freeze()  # a collection would copy every page of a child
