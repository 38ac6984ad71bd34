"""Turn categories into what a model reads; one algorithm a file."""
