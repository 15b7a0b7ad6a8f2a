"""Deterministic companies: the same plan always gives the same records, exactly as many as asked for."""
