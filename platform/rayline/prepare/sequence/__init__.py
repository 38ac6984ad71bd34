"""Turn sequences into arrays of one length; one algorithm a file."""
