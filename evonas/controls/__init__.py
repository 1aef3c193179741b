"""Noise and luck: retrainings of the winner of a search, and random genotypes of its size."""
