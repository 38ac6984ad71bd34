"""Replace many number columns by few; one algorithm a file."""
