"""The poller as a process, as in the integration tests."""

from tests.integration.producers.fix_site import site

__all__ = ["site"]
