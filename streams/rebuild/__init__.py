"""Makes the canonical topics again from the raw ones."""
