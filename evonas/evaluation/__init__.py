"""Evaluates the robustness of a trained network, with sanity checks."""
