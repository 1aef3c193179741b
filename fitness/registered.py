"""The registry of proxies; importing it does not import PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spaces.registry import Registry

if TYPE_CHECKING:
    from fitness.base import Proxy, Task

    Function = Callable[[Any, Task], float]

proxies: Registry[Proxy] = Registry(
    "proxy",
    {
        "bn-slope": "fitness.bn_slope",
        "certified-radius": "fitness.certified_radius",
        "certified-radius-limit": "fitness.certified_radius_limit",
        "croze": "fitness.croze",
        "croze-paper": "fitness.croze_paper",
        "croze-size": "fitness.croze_size",
        **dict.fromkeys(("croze:P", "croze:G", "croze:Z"), "fitness.croze_single"),
        **dict.fromkeys(("croze-paper:P", "croze-paper:G", "croze-paper:Z"), "fitness.croze_single"),
        **dict.fromkeys(("croze-paper[gaussian]", "croze-paper[none]"), "fitness.croze_single"),
        "fisher": "fitness.fisher",
        "flops": "fitness.flops",
        "grad-norm": "fitness.grad_norm",
        "grasp": "fitness.grasp",
        **dict.fromkeys(("interval-growth", "interval-width"), "fitness.interval_width"),
        "jacob-cov": "fitness.jacob_cov",
        "jacobian-norm": "fitness.jacobian_norm",
        "live-size": "fitness.live_size",
        "naswot": "fitness.naswot",
        "params": "fitness.params",
        "plain": "fitness.plain",
        "snip": "fitness.snip",
        "synflow": "fitness.synflow",
        "zico": "fitness.zico",
    },
    group="evonas.proxies",
)


def register(
    name: str, *, formula: str, source: str, cost: str, needs_images: bool, version: int = 1
) -> Callable[[Function], Function]:
    """Decorator that registers a function (canonical genotype, task) -> value as a proxy."""
    from fitness.base import Proxy

    def enter(function: Function) -> Function:
        proxies.register(name)(Proxy(name, function, formula, source, cost, needs_images, version))
        return function

    return enter
