"""Training: one loop for every recipe, exact resume, runs and checkpoints."""
