"""The company of a test, as in the integration tests; each test here starts and ends its own streams."""

from tests.integration.streams.conftest import bench, nothing_waits

__all__ = ["bench", "nothing_waits"]
