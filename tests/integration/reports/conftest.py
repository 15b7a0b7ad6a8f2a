"""Fixtures of the reports' integration tests."""

from tests.integration.reports.fix_records import company, reading

__all__ = ["company", "reading"]
