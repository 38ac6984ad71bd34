"""The whole line: a spec in, a registered model out."""
