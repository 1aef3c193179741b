"""The algorithms that need nothing but scores; those that learn from images are tested on their own."""

from __future__ import annotations

from evonas.searching.algorithms import algorithms

ASKING = [name for name in algorithms if not algorithms[name].needs_images]
