"""Sizes counted the slow way: on a network without memory, with hooks."""

from evonas.testing.space import counted_params_and_macs as built_params_and_macs

__all__ = ["built_params_and_macs"]
