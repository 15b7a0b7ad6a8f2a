"""Finds the deletions that a partition missed when it was not read for longer than its topic keeps them."""
