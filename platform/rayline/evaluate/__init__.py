"""Judging predictions: metrics with bootstrap intervals, curves, slices, worst errors, thresholds and gates."""
