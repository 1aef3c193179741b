"""Trains one genotype: recipes and their loop, checkpoints, finalists, the data that a network knows."""
