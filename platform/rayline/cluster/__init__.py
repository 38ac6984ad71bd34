"""The Ray cluster a run lives on: connect, what it has, storage every node reaches, checks, job submission."""
