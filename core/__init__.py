"""What every part shares: settings, errors, clock, topic names, Kafka clients, logging, metrics."""
