"""Encoders: prepared columns of one type to features of a network, one way a file."""
