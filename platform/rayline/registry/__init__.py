"""The model package, its versions and aliases, and the predictor that answers from it."""
