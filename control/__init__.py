"""Schema `integration`: connections, sealed credentials, runs, leases, commands and what was last published."""
