"""Evaluate: a slice of a task's test set on both models, beside the paper's table."""
