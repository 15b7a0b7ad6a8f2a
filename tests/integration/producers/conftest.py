"""Fixtures of the producers' integration tests."""

from tests.integration.producers.fix_runs import desk, new_desk, read_desk

__all__ = ["desk", "new_desk", "read_desk"]
