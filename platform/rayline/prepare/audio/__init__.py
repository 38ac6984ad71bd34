"""Turn encoded sound into numbers; one algorithm a file."""
