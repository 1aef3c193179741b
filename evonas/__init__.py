"""evonas."""
