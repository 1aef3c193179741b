"""The final stage: train one genotype, and measure what it withstands."""
