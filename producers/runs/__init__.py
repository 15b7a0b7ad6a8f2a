"""A run of a connection: read, compare, publish, record. Its scope, its events and its outcome."""
