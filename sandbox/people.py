"""Which users an account's lists name."""

from __future__ import annotations

from sandbox.company import Company
from sandbox.model import User


def listed_users(company: Company) -> list[User]:
    """Everybody who was not deleted, by name."""
    return sorted(company.users.values(), key=lambda user: (user.last_name, user.id))
