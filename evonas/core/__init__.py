"""What knows nothing of architectures: files, locks, signals, devices, provenance, events."""
