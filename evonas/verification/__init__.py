"""Whether a run holds what it says: everything that can be derived is derived again, the rest is sampled."""
