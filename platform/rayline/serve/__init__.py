"""Serving: one Ray Serve application that answers for every deployed model and version."""
