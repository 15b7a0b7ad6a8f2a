"""Reads for pages: each one snapshot of the database, as plain data."""
