"""Search over any key of the spec, with cross-validation inside every trial."""
