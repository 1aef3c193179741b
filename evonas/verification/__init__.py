"""Verification of a run: derived values are recomputed, scores and attacks are sampled."""
