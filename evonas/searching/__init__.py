"""The search: one file per algorithm over one shared ask, score and tell loop."""
