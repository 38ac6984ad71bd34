"""Smooth the noise of sequences; one algorithm a file."""
