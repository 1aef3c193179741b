"""Recipes by name: how a network is trained."""

from evonas.final.recipe import Recipe, recipes
from evonas.final.recipes import adversarial, fast, literature  # noqa: F401  (each registers its recipes)

__all__ = ["Recipe", "recipes"]
