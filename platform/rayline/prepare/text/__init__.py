"""Turn free text into numbers; one algorithm a file."""
