"""What another package adds to evonas; each file is named by an entry point in pyproject.toml."""
