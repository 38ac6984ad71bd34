"""Choose which number columns a model reads; one algorithm a file."""
