"""The optimisers of a training, and their states as tensors by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from evonas.training.recipe import Recipe

Named = Iterable[tuple[str, nn.Parameter]]
_OF_SGD = {"momentum.": "momentum_buffer"}
_OF_ADAM = {"momentum.": "exp_avg", "square.": "exp_avg_sq"}


def optimiser_of(
    recipe: Recipe, parameters: Iterable[nn.Parameter], fused: bool | None = None
) -> torch.optim.Optimizer:
    """The optimiser of a recipe; ``momentum`` is the first decay of Adam. ``fused`` as PyTorch has it."""
    if recipe.optimiser == "adam":
        betas = (recipe.momentum, 0.999)
        return torch.optim.Adam(
            parameters, lr=recipe.lr, betas=betas, weight_decay=recipe.weight_decay, fused=fused
        )
    return torch.optim.SGD(
        parameters,
        lr=recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
        fused=fused,
    )


def state_of(optimiser: torch.optim.Optimizer, parameters: Named) -> dict[str, Tensor]:
    """The state of each parameter that has one, in its shape (any shape), such as ``momentum.stem.0.weight``."""
    return {
        prefix + name: value
        for name, parameter in parameters
        for prefix, key in _kinds(optimiser).items()
        if (value := optimiser.state[parameter].get(key)) is not None
    }


def load(optimiser: torch.optim.Optimizer, parameters: Named, tensors: Mapping[str, Tensor], steps: int) -> None:
    """Restore ``tensors`` (any shape), which `state_of` returned after ``steps`` steps."""
    kinds = _kinds(optimiser)
    for name, parameter in parameters:
        optimiser.state.pop(parameter, None)
        for prefix, key in kinds.items():
            if prefix + name in tensors:
                optimiser.state[parameter][key] = tensors[prefix + name].to(parameter.device, copy=True)
        if kinds is _OF_ADAM and parameter in optimiser.state:
            on = parameter.device if optimiser.defaults["fused"] else "cpu"  # as PyTorch has it
            optimiser.state[parameter]["step"] = torch.tensor(float(steps), device=on)


def _kinds(optimiser: torch.optim.Optimizer) -> dict[str, str]:
    return _OF_ADAM if isinstance(optimiser, torch.optim.Adam) else _OF_SGD
