"""Fixtures of the end-to-end tests of operators."""

from tests.e2e.fix_operators import new_tenant, tenant

__all__ = ["new_tenant", "tenant"]
