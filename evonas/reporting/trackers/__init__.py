"""Observers that send the numbers of a run to a tracker of experiments, whose package is imported on use."""
