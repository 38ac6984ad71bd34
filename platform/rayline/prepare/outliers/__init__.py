"""Tame extreme numbers; one algorithm a file."""
