"""Fixtures of the sink's contract tests."""

from tests.contract.sinks.fix_postgres import database_url, sink_database_url
from tests.contract.sinks.fix_writers import sink

__all__ = ["database_url", "sink", "sink_database_url"]
