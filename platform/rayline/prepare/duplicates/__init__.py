"""Rows that are there already: what counts as the same row, one rule a file. The first by position stays."""
