"""What a trained network withstands, by a protocol that can be checked."""
