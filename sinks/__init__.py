"""The Postgres sink: merges the canonical topics into schema `protiv`, exactly once."""
