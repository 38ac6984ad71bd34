"""Bring numbers to a common scale; one algorithm a file."""
