"""Metrics: pure functions in ``functional``, thin torchmetrics around them, protocols and file scores."""
