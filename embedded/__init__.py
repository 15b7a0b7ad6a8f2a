"""A real Kafka broker, schema registry and Postgres as child processes, without Docker."""
