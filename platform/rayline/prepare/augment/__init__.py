"""Vary training rows on the fly; one algorithm a file."""
