"""The run directory: its settings, its database and what protects it."""
