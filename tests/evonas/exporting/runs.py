"""Runs that hold a network which has learned nothing, made without a training."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from evonas.training import checkpoint
from evonas.training.settings import TrainSettings

LIGHT = (  # one convolution of each kind, so that an export takes seconds
    "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('avg_pool_3x3', 0), ('skip_connect', 1), "
    "('skip_connect', 0), ('max_pool_3x3', 1), ('skip_connect', 0), ('skip_connect', 1)], "
    "normal_concat=[2, 3, 4, 5], "
    "reduce=[('dil_conv_3x3', 0), ('skip_connect', 1), ('max_pool_3x3', 0), ('avg_pool_3x3', 1), "
    "('max_pool_3x3', 0), ('max_pool_3x3', 1), ('avg_pool_3x3', 0), ('avg_pool_3x3', 1)], "
    "reduce_concat=[2, 3, 4, 5])"
)


def write_network(path: Path, genotype: str = LIGHT, space: str = "darts", layers: int = 3) -> Path:
    """A checkpoint of digits with C=4, whose BatchNorms have seen something."""
    settings = TrainSettings(genotype, space=space, channels=4, layers=layers, device="cpu").resolve()
    model = settings.build()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name, buffer in model.network.named_buffers():
            if buffer.dtype == torch.float32:
                buffer.copy_(torch.rand_like(buffer) + 0.5 * name.endswith("var"))
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {checkpoint.MODEL + name: value for name, value in model.state_dict().items()}
    checkpoint.write(path, settings, 1, {"validation": 0.1}, tensors)
    return path


def trained_run(path: Path, genotype: str = LIGHT, space: str = "darts", layers: int = 3) -> Path:
    """The directory of a training that has ended."""
    write_network(path / "train" / "best.safetensors", genotype, space, layers)
    result = {"epoch": 1, "validation": 0.1, "robust": None, "test": {"accuracy": 0.1, "n": 359}, "seconds": 1.0}
    (path / "train" / "result.json").write_text(json.dumps(result))
    return path
