"""How long a network takes on this machine or on another device; a backend computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:  # naming the backends imports none
    from evonas.searching.latency.backend import Backend

DEFAULT = "torch"
COMMAND = "command"  # no backend: a command of the user measures
OPTION = "--latency-command"
backends: Registry[Backend] = Registry(
    "latency backend",
    {DEFAULT: "evonas.searching.latency.eager", "onnx": "evonas.searching.latency.onnx"},
)
