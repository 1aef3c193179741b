"""Tables of custom data: a sample of a space, trained and evaluated."""
