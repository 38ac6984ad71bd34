"""Weigh, repeat, leave out or make up training rows of scarce classes; one algorithm a file."""
