"""Kafka clients: configuration, what brokers refuse, reading partitions to their end, and waiting for a delivery."""
