"""Splits, duplicates, and the fitted preparation, in one form for batches and one for an endpoint."""
