"""Fill missing values; one algorithm a file."""
