"""Recipes by name: how a network is trained."""

from evonas.training.recipe import Recipe, recipes

__all__ = ["Recipe", "recipes"]
