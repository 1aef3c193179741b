"""The final stage: train one genotype and evaluate its robustness."""
