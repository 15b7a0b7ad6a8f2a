"""Sync commands: checked, kept once an id, done in order, each with exactly one final answer."""
