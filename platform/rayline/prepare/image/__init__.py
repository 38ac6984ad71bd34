"""Turn encoded images into pixels; one algorithm a file."""
