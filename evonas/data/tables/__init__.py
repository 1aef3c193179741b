"""Tables of trained architectures by path: one row per architecture, one column per accuracy."""
