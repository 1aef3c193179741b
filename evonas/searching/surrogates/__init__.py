"""Models that predict the value of a genotype from its encoding."""
