"""Fixtures of the producers' integration tests."""

from tests.integration.producers.fix_runs import desk, new_desk, read_desk
from tests.integration.producers.fix_site import site

__all__ = ["desk", "new_desk", "read_desk", "site"]
