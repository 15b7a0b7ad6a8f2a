"""Finds users among the option lists of a filter, wherever in the answer they stand: shapes differ (G13)."""

from __future__ import annotations

from typing import Any

from producers.buildertrend.nested import fields_of_all

_MOST_USERS = 20_000


def users_of(answer: Any) -> list[Any]:
    """The first list of objects with id and name that is called users; outer ones before inner ones."""
    named = (value for name, value in fields_of_all(answer) if name.lower() == "users" and _names_users(value))
    return next(named, [])[:_MOST_USERS]


def _names_users(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and "id" in one and isinstance(one.get("name"), str) for one in value)
    )
