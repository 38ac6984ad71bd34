"""Fits a network to prepared rows: the loop, checkpoints, workers, precision; optimizers and schedules."""
