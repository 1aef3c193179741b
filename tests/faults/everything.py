"""What the commands of these tests import, imported and built: the children of this process need not."""

from __future__ import annotations

import gc
from importlib import import_module

import torch
import typer

from evonas.cli import app as cli
from fitness import proxies
from spaces import spaces

THEIRS = ("torch._dynamo", "torchvision.transforms.functional", "torch.utils.tensorboard", "typer._adapters")
THEIRS += ("PIL.PngImagePlugin", "safetensors.torch", "rich._emoji_codes")
OURS = ("final.evaluation.evaluate", "final.recipes", "final.stage", "pipeline", "summary")
OURS += ("report.evaluation", "report.output", "report.tables", "engine")
OURS += ("report.tensorboard", "report.training", "report.overview", "search.start")
OURS += ("final.attacks", "final.corruptions", "data.folder")
for name in (*THEIRS, *(f"evonas.{name}" for name in OURS), "spaces.initialise"):
    try:
        import_module(name)
    except ImportError:  # of an extra that is not installed, or a private name of another version
        continue
cli.app = typer.main.get_command(cli.app)  # type: ignore[assignment]
torch.set_num_threads(1)
gc.freeze()  # a collection would copy every page of a child
assert list(spaces) and list(proxies)
