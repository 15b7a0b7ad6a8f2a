"""Fixtures of the sink's integration tests."""

from tests.contract.sinks.fix_postgres import database_url, sink_database_url
from tests.integration.sinks.fix_sinks import publisher, sink_settings, start_process, start_sink

__all__ = ["database_url", "publisher", "sink_database_url", "sink_settings", "start_process", "start_sink"]
