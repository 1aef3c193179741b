"""Differentiable search: the training of a supernet, and the robustness that its architecture maximises."""
