"""The severities of a corruption; importing them does not import PyTorch."""

SEVERITIES = (1, 2, 3, 4, 5)
