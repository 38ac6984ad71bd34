"""Divide rows into train, validation, test and folds; one algorithm a file."""
