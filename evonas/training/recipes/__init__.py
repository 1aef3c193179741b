"""Recipes by name: how a network is trained."""

from evonas.training.recipe import Recipe, recipes
from evonas.training.recipes import adversarial, fast, literature  # noqa: F401  (each registers its recipes)

__all__ = ["Recipe", "recipes"]
