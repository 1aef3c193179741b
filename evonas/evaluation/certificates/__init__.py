"""Certificates by name: each proves that no perturbation within a box changes the class of an image."""
