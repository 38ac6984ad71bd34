"""Tests that say whether live counts still look like training's, one a file."""
