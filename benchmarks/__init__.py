"""Benchmarks: each module measures one thing and prints its figures as JSON on the last line with --json."""
