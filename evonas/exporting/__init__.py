"""Export of trained networks: one file per format over a shared write and check."""
