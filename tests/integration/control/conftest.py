"""Fixtures of the control database's tests."""

from tests.integration.control.fix_companies import office

__all__ = ["office"]
