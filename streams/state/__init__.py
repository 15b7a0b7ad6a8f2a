"""State of the assigned partitions: a cache of the raw topics that says which canonical records are due."""
