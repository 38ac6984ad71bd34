"""Mergeable column statistics, the drift reference, and live windows counted in its bins."""
