"""Search algorithms, one a file: each asks for settings to try and is told how they did."""
